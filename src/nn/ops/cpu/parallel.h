/// Parallel work is split over the pictures of a batch; where there is more to do for a weight than
/// for the pictures (wide_winograd.h), over parts of them and over channels.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace gm::ops {

/// How many threads share the pictures of a batch.
inline int64_t shares_of(int64_t pictures) {
  return std::min<int64_t>(pictures, at::get_num_threads());
}

/// Calls work(share, begin, end) for each share, in parallel: `share` counts from 0 to
/// shares_of(pictures) - 1, and the shares' runs [begin, end) make up all pictures. Which pictures
/// fall to which share depends on the number of threads only, so that sums kept for each share and
/// added in order are the same in every run.
template <class Work>
void for_each_share(int64_t pictures, const Work& work) {
  const int64_t shares = shares_of(pictures);
  at::parallel_for(0, shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t share = first; share < last; ++share) {
      work(share, share * pictures / shares, (share + 1) * pictures / shares);
    }
  });
}

}  // namespace gm::ops
