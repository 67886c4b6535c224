#include "base/malloc_settings.h"

#include <cstdlib>  // every glibc header defines __GLIBC__

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace gm {

void tune_allocator() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);         // no block gets its own mapping, however large
  mallopt(M_TRIM_THRESHOLD, -1);  // the heap is never trimmed
  // The heap grows in steps of this size: fewer calls, and untouched pages cost nothing.
  constexpr int kGrowth = 256 << 20;
  mallopt(M_TOP_PAD, kGrowth);
#endif
}

}  // namespace gm
