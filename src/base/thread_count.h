/// How many threads a process computes with.
#pragma once

#include <string>

namespace gm {

struct ThreadCount {
  int threads = 1;
  std::string warning = {};  ///< Why it is not the number that the user set; empty if it is.
};

/// The number in OMP_NUM_THREADS (the first one of a list for nested regions), or `share` if it is
/// not set. An invalid value gives a warning and counts as not set. OMP_THREAD_LIMIT bounds both.
/// At most `most` threads are started: more would only wait for each other.
ThreadCount choose_threads(int share, int most);

/// Eight for each core of the machine, whether or not this process may use it: a run of another
/// machine can be repeated with its number of threads.
int most_threads();

}  // namespace gm
