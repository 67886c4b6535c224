#include "base/allocator.h"

#if defined(__GLIBC__)
#include <malloc.h>

#include <limits>
#endif

namespace gm {

void tune_allocator() {
#if defined(__GLIBC__)
  // The most that mallopt takes: no block is mapped by itself, and the heap is never trimmed.
  constexpr int kNever = std::numeric_limits<int>::max();
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
  // The heap grows in steps of this size: fewer calls, and untouched pages cost nothing.
  constexpr int kGrowth = 256 << 20;
  mallopt(M_TOP_PAD, kGrowth);
#endif
}

}  // namespace gm
