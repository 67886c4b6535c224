/// Parallel work is split over the images of a batch. If there is more work for a weight than for
/// the images (nonfused_winograd.h), it is split over tiles and over channels.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace gm::ops {

/// The number of threads that share the images of a batch.
inline int64_t shares_of(int64_t images) {
  return std::min<int64_t>(images, at::get_num_threads());
}

/// Calls work(share, begin, end) for each share, in parallel. `share` counts from 0 to
/// shares_of(images) - 1, and the ranges [begin, end) cover all images. The assignment of images to
/// shares depends only on the number of threads. So sums that are kept for each share and added in
/// order are the same in every run.
template <class Work>
void for_each_share(int64_t images, const Work& work) {
  const int64_t shares = shares_of(images);
  at::parallel_for(0, shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t share = first; share < last; ++share) {
      work(share, share * images / shares, (share + 1) * images / shares);
    }
  });
}

}  // namespace gm::ops
