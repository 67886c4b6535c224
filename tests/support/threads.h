/// Sets the number of threads, for tests that compare different numbers.
#pragma once

#include <ATen/Parallel.h>

namespace gm {

/// Operators use `count` threads until the end of the scope.
///
/// Under the thread sanitizer they always use one thread: GNU's OpenMP runtime is not instrumented,
/// so the sanitizer does not see its synchronization and would report a race in every parallel
/// loop. gm's own threads are checked.
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
