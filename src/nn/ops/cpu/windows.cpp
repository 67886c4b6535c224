#include "nn/ops/cpu/windows.h"

#include <algorithm>

#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

GM_INLINE void copy(const float* from, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, load(from + i));
  if (i == count) return;
  if (count >= kLanes) {
    store(to + count - kLanes, load(from + count - kLanes));  // some of them once more
  } else {
    for (; i < count; ++i) to[i] = from[i];
  }
}

GM_INLINE void clear(int64_t count, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, Lanes{});
  for (; i < count; ++i) to[i] = 0.0F;
}

/// The window at `top`, `left` of the picture at `picture`.
GM_INLINE void copy_window(const PictureBatch<const float>& pictures, const float* picture,
                           int64_t size, int64_t top, int64_t left, float* to) {
  const int64_t channels = pictures.channels;
  // The window's columns within the picture; all of them outside where begin >= end.
  const int64_t begin = std::max<int64_t>(0, -left);
  const int64_t end = std::max(begin, std::min(size, pictures.width - left));
  for (int64_t y = top; y < top + size; ++y, to += size * channels) {
    if (y < 0 || y >= pictures.height) {
      clear(size * channels, to);
      continue;
    }
    const float* row = picture + (y * pictures.width + left) * channels;
    clear(begin * channels, to);
    copy(row + begin * channels, (end - begin) * channels, to + begin * channels);
    clear((size - end) * channels, to + end * channels);
  }
}

/// to[i] = the window `first` + i of all pictures. Rows of `to` are `to_stride` floats apart.
GM_KERNEL void copy_windows(const PictureBatch<const float>& pictures, const Windows& windows,
                            int64_t first, int64_t count, float* to, int64_t to_stride) {
  const int64_t values = pictures.values();
  const float* picture = pictures.data + first / windows.per_picture() * values;
  int64_t row = first % windows.per_picture() / windows.columns;
  int64_t column = first % windows.columns;
  for (int64_t i = 0; i < count; ++i, to += to_stride) {
    copy_window(pictures, picture, windows.size, row * windows.stride - windows.padding,
                column * windows.stride - windows.padding, to);
    if (++column < windows.columns) continue;
    column = 0;
    if (++row < windows.rows) continue;
    row = 0;
    picture += values;
  }
}

/// The second cache's share, and a multiple of the 6 rows of the product's tile.
constexpr int64_t kValues = 48 * 1024;
constexpr int64_t kTileRows = 6;

}  // namespace

WindowBlock::WindowBlock(const Windows& windows, int64_t channels)
    : windows_(windows),
      length_(windows.size * windows.size * channels),
      most_(std::clamp<int64_t>(kValues / length_ / kTileRows, 1, 16) * kTileRows),
      values_(most_ * stride()) {}

int64_t WindowBlock::fill(const PictureBatch<const float>& pictures, int64_t first, int64_t end) {
  const int64_t count = std::min(most_, end - first);
  copy_windows(pictures, windows_, first, count, values_.data(), stride());
  return count;
}

}  // namespace gm::ops::GM_KERNEL_SET
