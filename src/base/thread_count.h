/// How many threads a process computes with.
#pragma once

#include <string>

namespace gm {

struct ThreadCount {
  int threads = 1;
  std::string warning = {};  ///< Why they are not those that the user asked for; empty if they are.
};

/// OMP_NUM_THREADS (of a list for nested regions the first number), or `share` where it is not set.
/// What is no number of threads is warned of and counts as not set. OMP_THREAD_LIMIT bounds both.
/// At most `most` threads are started, for any more only wait for each other.
ThreadCount choose_threads(int share, int most);

/// Eight for each core of the machine, whether this process may use it or not: a run of another
/// machine can be repeated with its number of threads.
int most_threads();

}  // namespace gm
