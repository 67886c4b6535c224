// The 4x4 convolution of stride 2, its transpose and its weight's gradient on the CPU, as products
// of windows of pixels, a block at a time that stays in a near cache, with the weight.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/product.h"
#include "nn/ops/cpu/rows.h"
#include "nn/ops/cpu/windows.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;
using OptionalTensor = std::optional<at::Tensor>;

Tensor pictures_like(const Tensor& x, int64_t channels, int64_t height, int64_t width) {
  return at::empty({x.size(0), channels, height, width}, x.options(),
                   at::MemoryFormat::ChannelsLast);
}

/// `bias`, or zeros, contiguous.
Tensor bias_or_zeros(const OptionalTensor& bias, int64_t channels, const Tensor& x) {
  return bias ? bias->contiguous() : at::zeros({channels}, x.options());
}

/// A weight [S,B,4,4] in any layout.
class Weight {
 public:
  explicit Weight(const Tensor& weight) : weight_(weight) {}

  /// [S,B] of one tap, and [B,S]: the left or right factor of a product.
  void copy_small_big(int64_t y, int64_t x, float* to, int64_t stride) const {
    copy(y, x, 0, 1, to, stride);
  }
  void copy_big_small(int64_t y, int64_t x, float* to, int64_t stride) const {
    copy(y, x, 1, 0, to, stride);
  }

 private:
  /// Eight rows and columns at a time, so that few lines are in use whichever way they lie.
  void copy(int64_t y, int64_t x, int64_t rows, int64_t columns, float* to, int64_t stride) const {
    constexpr int64_t kTile = 8;
    const float* from =
        weight_.const_data_ptr<float>() + y * weight_.stride(2) + x * weight_.stride(3);
    const int64_t down = weight_.stride(rows), right = weight_.stride(columns);
    for (int64_t i = 0; i < weight_.size(rows); i += kTile) {
      for (int64_t j = 0; j < weight_.size(columns); j += kTile) {
        for (int64_t k = i; k < i + kTile; ++k) {
          for (int64_t l = j; l < j + kTile; ++l) to[k * stride + l] = from[k * down + l * right];
        }
      }
    }
  }

  Tensor weight_;
};

/// The taps as right factors [4,4,B,S] for what the windows of the big picture hold.
Tensor pack_windows(const Tensor& weight) {
  Tensor packed = at::empty({4, 4, weight.size(1), weight.size(0) + kGap}, weight.options(),
                            at::MemoryFormat::Contiguous);
  float* to = packed.mutable_data_ptr<float>();
  const Weight taps(weight);
  at::parallel_for(0, 16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      taps.copy_big_small(i / 4, i % 4, to + i * packed.stride(1), packed.stride(2));
    }
  });
  return packed;
}

/// An output pixel (2i + a, 2j + b), a and b 0 or 1, sees the 2x2 input pixels from (i - 1 + a, j -
/// 1 + b) on: one corner of the 3x3 around (i, j). In one dimension, their taps are 3 and 1 for a =
/// 0, 2 and 0 for a = 1. The result [a,b,2,2,S,B] has each corner's taps in the order of its
/// pixels.
Tensor pack_corners(const Tensor& weight) {
  constexpr int64_t kTaps[2][2] = {{3, 1}, {2, 0}};
  Tensor packed = at::empty({2, 2, 2, 2, weight.size(0), weight.size(1) + kGap}, weight.options(),
                            at::MemoryFormat::Contiguous);
  float* to = packed.mutable_data_ptr<float>();
  const Weight taps(weight);
  at::parallel_for(0, 16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      taps.copy_small_big(kTaps[i / 8][i / 2 % 2], kTaps[i / 4 % 2][i % 2],
                          to + i * packed.stride(3), packed.stride(4));
    }
  });
  return packed;
}

/// What the small picture [.,h,w] sees of the big one.
Windows windows_of(const Tensor& small) {
  return {.size = 4, .stride = 2, .padding = 1, .rows = small.size(2), .columns = small.size(3)};
}

Tensor strided_convolution(const Tensor& big, const Tensor& weight, const OptionalTensor& bias) {
  Tensor small = pictures_like(big, weight.size(0), big.size(2) / 2, big.size(3) / 2);
  const int64_t channels = big.size(1), out = small.size(1);
  const Tensor taps = pack_windows(weight);
  const Tensor start = bias_or_zeros(bias, out, big);
  const Windows windows = windows_of(small);

  for_each_share(big.size(0), [&](int64_t, int64_t begin, int64_t end) {
    WindowBlock block(windows, channels);
    const int64_t last = end * windows.per_picture();
    for (int64_t first = begin * windows.per_picture(); first < last; first += block.most()) {
      const int64_t count = block.fill(pictures_of(big), first, last);
      float* y = small.mutable_data_ptr<float>() + first * out;
      repeat_row(start.const_data_ptr<float>(), out, count, y);
      // A row of the windows at a time: its part of the weight stays in the nearest cache.
      const int64_t length = 4 * channels;
      for (int64_t row = 0; row < 4; ++row) {
        add_product(count, out, length, {block.data() + row * length, block.stride()},
                    taps.const_data_ptr<float>() + row * taps.stride(0), taps.stride(2), y, out);
      }
    }
  });
  return small;
}

Tensor strided_convolution_weight_gradient(const Tensor& big, const Tensor& small) {
  const int64_t channels = big.size(1), out = small.size(1);
  const int64_t shares = shares_of(big.size(0));
  const Tensor dweight = at::zeros({shares, 4, 4, channels, out}, big.options());
  const Windows windows = windows_of(small);
  for_each_share(big.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    WindowBlock block(windows, channels);
    float* sum = dweight.mutable_data_ptr<float>() + share * dweight.stride(0);
    const int64_t last = end * windows.per_picture();
    for (int64_t first = begin * windows.per_picture(); first < last; first += block.most()) {
      const int64_t count = block.fill(pictures_of(big), first, last);
      const MatrixView rows = {block.data(), block.stride()};
      add_product(block.length(), out, count, rows.transposed(),
                  small.const_data_ptr<float>() + first * out, out, sum, out);
    }
  });
  return dweight.sum(0).permute({3, 2, 0, 1});
}

/// Adds `bias` to the rows `from`, which belong to `count` grid points from `first` on, and writes
/// each to its pixel (2i + a, 2j + b), if that lies in the picture.
GM_KERNEL void scatter(const float* from, const float* bias, const Windows& grid, int64_t first,
                       int64_t count, int64_t a, int64_t b, const PictureBatch<float>& big) {
  const int64_t values = big.values();
  float* picture = big.data + first / grid.per_picture() * values;
  int64_t i = first % grid.per_picture() / grid.columns, j = first % grid.columns;
  for (const float* row = from; row < from + count * big.channels; row += big.channels) {
    if (2 * i + a < big.height && 2 * j + b < big.width) {
      float* to = picture + ((2 * i + a) * big.width + 2 * j + b) * big.channels;
      for (int64_t c = 0; c < big.channels; c += kLanes) {
        store(to + c, load(row + c) + load(bias + c));
      }
    }
    if (++j < grid.columns) continue;
    j = 0;
    if (++i < grid.rows) continue;
    i = 0;
    picture += values;
  }
}

/// One corner of the first `count` of the block's 3x3 neighbourhoods of pixels with `channels`,
/// times `taps` [2,2,channels,out]: to [count,out].
void multiply_corner(const WindowBlock& block, int64_t count, int64_t channels, int64_t a,
                     int64_t b, const Tensor& taps, int64_t out, float* to) {
  const float* seen = block.data() + (3 * a + b) * channels;
  const float* factor = taps.const_data_ptr<float>();
  const int64_t stride = taps.stride(2), length = 2 * channels;
  set_product(count, out, length, {seen, block.stride()}, factor, stride, to, out);
  add_product(count, out, length, {seen + 3 * channels, block.stride()}, factor + taps.stride(0),
              stride, to, out);
}

Tensor transposed_strided_convolution(const Tensor& small, const Tensor& weight,
                                      const OptionalTensor& bias, int64_t height, int64_t width) {
  Tensor big = pictures_like(small, weight.size(1), height, width);
  const int64_t channels = small.size(1), out = big.size(1);
  const Tensor taps = pack_corners(weight);
  const Tensor start = bias_or_zeros(bias, out, small);
  const Windows around = {
      .size = 3, .stride = 1, .padding = 1, .rows = (height + 1) / 2, .columns = (width + 1) / 2};
  const PictureBatch<float> to = {big.mutable_data_ptr<float>(), height, width, out};

  for_each_share(small.size(0), [&](int64_t, int64_t begin, int64_t end) {
    WindowBlock block(around, channels);
    std::vector<float> corner(block.most() * out);
    const int64_t last = end * around.per_picture();
    for (int64_t first = begin * around.per_picture(); first < last; first += block.most()) {
      const int64_t count = block.fill(pictures_of(small), first, last);
      for (int64_t a = 0; a < 2; ++a) {
        for (int64_t b = 0; b < 2; ++b) {
          multiply_corner(block, count, channels, a, b, taps[a][b], out, corner.data());
          scatter(corner.data(), start.const_data_ptr<float>(), around, first, count, a, b, to);
        }
      }
    }
  });
  return big;
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("strided_convolution", &strided_convolution);
  library.impl("transposed_strided_convolution", &transposed_strided_convolution);
  library.impl("strided_convolution_weight_gradient", &strided_convolution_weight_gradient);
}
