/// Tests that compare numbers of threads.
#pragma once

#include <ATen/Parallel.h>

namespace gm {

/// Operators use as many threads as given, until the end of the scope.
///
/// Under the thread sanitizer it is always one: GNU's OpenMP is not instrumented, so how its
/// threads wait for each other is invisible, and every parallel loop would count as a race. The
/// threads that are ours are watched.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) {
#ifdef __SANITIZE_THREAD__
    count = 1;
#endif
    at::set_num_threads(count);
  }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace gm
