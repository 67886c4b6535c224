// The 4x4 convolution of stride 2, its transpose and its weight's gradient on the CPU: products of
// the weight with the windows of padded images, a row of results and a row of taps at a time.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/packed_panels.h"
#include "nn/ops/cpu/padded_input.h"
#include "nn/ops/cpu/parallel.h"
#include "nn/ops/cpu/row_ops.h"
#include "nn/ops/cpu/takes.h"
#include "nn/ops/operator.h"
#include "nn/ops/pixels.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

using at::Tensor;

/// `bias`, or zeros, contiguous.
Tensor bias_or_zeros(const OptionalTensor& bias, int64_t channels, const Tensor& x) {
  return bias ? bias->contiguous() : at::zeros({channels}, x.options());
}

/// Columns of a product at a time.
constexpr int64_t kPanel = 32;

/// A weight [S,B,4,4] in any layout.
class Weight {
 public:
  explicit Weight(const Tensor& weight) : weight_(weight) {}

  /// Packs the matrix [B,S] or [S,B] of one tap into `panels`, starting at row `first`.
  void pack_big_small(int64_t y, int64_t x, const Panels& panels, int64_t first, float* to) const {
    pack(y, x, 1, 0, panels, first, to);
  }
  void pack_small_big(int64_t y, int64_t x, const Panels& panels, int64_t first, float* to) const {
    pack(y, x, 0, 1, panels, first, to);
  }

 private:
  /// Copies eight rows and columns at a time, so that few cache lines are in use in any layout.
  void pack(int64_t y, int64_t x, int64_t rows, int64_t columns, const Panels& panels,
            int64_t first, float* to) const {
    constexpr int64_t kTile = 8;
    const float* from =
        weight_.const_data_ptr<float>() + y * weight_.stride(2) + x * weight_.stride(3);
    const int64_t down = weight_.stride(rows), right = weight_.stride(columns);
    for (int64_t i = 0; i < weight_.size(rows); i += kTile) {
      const int64_t bottom = std::min(i + kTile, weight_.size(rows));
      for (int64_t j = 0; j < weight_.size(columns); j += kTile) {
        const int64_t panel = j / kPanel * kPanel, width = panels.width(panel);
        float* tile = to + panels.at(first + i, panel) + j - panel;
        for (int64_t k = i; k < bottom; ++k, tile += width) {
          for (int64_t l = 0; l < kTile; ++l) tile[l] = from[k * down + (j + l) * right];
        }
      }
    }
  }

  Tensor weight_;
};

/// The taps as right factors for the windows of the big image: for each row of taps, the panels
/// [4*B,S] of its four taps.
Tensor pack_windows(const Tensor& weight) {
  const int64_t big = weight.size(1);
  const Panels panels = {4 * big, weight.size(0), kPanel};
  Tensor packed = at::empty({4, panels.rows * panels.columns}, weight.options());
  const Weight taps(weight);
  at::parallel_for(0, 16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t y = i / 4, x = i % 4;
      taps.pack_big_small(y, x, panels, x * big, packed[y].mutable_data_ptr<float>());
    }
  });
  return packed;
}

/// An output pixel (2i + a, 2j + b), a and b 0 or 1, depends on the 2x2 input pixels that start at
/// (i - 1 + a, j - 1 + b): one corner of the 3x3 pixels around (i, j). In one dimension, their taps
/// are 3 and 1 for a = 0, 2 and 0 for a = 1. The result [a,b,2,.] holds, for each row of a corner's
/// pixels, the panels [2*S,B] of its two taps.
Tensor pack_corners(const Tensor& weight) {
  constexpr int64_t kTaps[2][2] = {{3, 1}, {2, 0}};
  const int64_t small = weight.size(0);
  const Panels panels = {2 * small, weight.size(1), kPanel};
  Tensor packed = at::empty({2, 2, 2, panels.rows * panels.columns}, weight.options());
  const Weight taps(weight);
  at::parallel_for(0, 16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t a = i / 8, b = i / 4 % 2, row = i / 2 % 2, column = i % 2;
      taps.pack_small_big(kTaps[a][row], kTaps[b][column], panels, column * small,
                          packed[a][b][row].mutable_data_ptr<float>());
    }
  });
  return packed;
}

/// The number of images to process at a time, at most all of `x`. That many images stay in the
/// cache. Several at a time, because a weight that does not stay in the cache is then read less
/// often.
int64_t images_at_a_time(const Tensor& x) {
  constexpr int64_t kFloats = 32 * 1024;
  return std::clamp<int64_t>(kFloats / (x.numel() / x.size(0)), 1, x.size(0));
}

/// Dense images [N,height,width,channels].
struct ImageBatch {
  float* data;
  int64_t height, width, channels;

  float* pixel(int64_t n, int64_t y, int64_t x) const {
    return data + ((n * height + y) * width + x) * channels;
  }
};

/// Calls work(first image, number of images) for at most `most` images at a time.
template <class Work>
void for_a_few(int64_t begin, int64_t end, int64_t most, const Work& work) {
  for (int64_t n = begin; n < end; n += most) work(n, std::min(most, end - n));
}

/// Row i of the result depends on the rows 2i to 2i + 3 of the padded big image. In each of them, a
/// window covers 4 pixels, and the next window begins two pixels later.
Tensor strided_convolution(const Tensor& big, const Tensor& weight, const OptionalTensor& bias) {
  Tensor small = images_like(big, weight.size(0), big.size(2) / 2, big.size(3) / 2);
  const int64_t channels = big.size(1), out = small.size(1);
  const int64_t height = small.size(2), width = small.size(3);
  const Tensor taps = pack_windows(weight);
  const Panels panels = {4 * channels, out, kPanel};
  const Tensor start = bias_or_zeros(bias, out, big);
  const int64_t most = images_at_a_time(big);

  for_each_share(big.size(0), [&](int64_t, int64_t begin, int64_t end) {
    PaddedInput images(big, most, /*border=*/1);
    for_a_few(begin, end, most, [&](int64_t first, int64_t count) {
      images.copy(big.const_data_ptr<float>() + first * images.image_size(), count);
      float* y = small.mutable_data_ptr<float>() + first * height * width * out;
      repeat_row(start.const_data_ptr<float>(), out, count * height * width, y);
      for (int64_t j = 0; j < out; j += kPanel) {
        const int64_t panel = panels.width(j);
        for (int64_t tap = 0; tap < 4; ++tap) {
          const float* factor =
              taps.const_data_ptr<float>() + tap * taps.stride(0) + panels.at(0, j);
          for (int64_t row = 0; row < count * height; ++row) {
            const float* seen = images.row(row / height, 2 * (row % height) + tap);
            gemm_add(width, panel, 4 * channels, {seen, 2 * channels}, factor, panel,
                     y + row * width * out + j, out);
          }
        }
      }
    });
  });
  return small;
}

/// The even rows of the big image are stored before the odd ones. So for each row of taps, the
/// windows of all pixels are the rows of one matrix. The matrix includes the windows of extra
/// columns in the border, whose gradients are 0.
Tensor strided_convolution_weight_gradient(const Tensor& big, const Tensor& small) {
  const int64_t channels = big.size(1), out = small.size(1);
  const int64_t height = small.size(2), width = small.size(3);
  const Tensor dweight = at::zeros({shares_of(big.size(0)), 4, 4, channels, out}, big.options());
  const int64_t most = images_at_a_time(big);

  for_each_share(big.size(0), [&](int64_t share, int64_t begin, int64_t end) {
    PaddedInput images(big, most, /*border=*/1, /*stride=*/2);
    const int64_t columns = images.length() / (2 * channels), pixels = height * columns;
    std::vector<float> gradients(most * pixels * out);
    float* sum = dweight.mutable_data_ptr<float>() + share * dweight.stride(0);
    for_a_few(begin, end, most, [&](int64_t first, int64_t count) {
      images.copy(big.const_data_ptr<float>() + first * images.image_size(), count);
      const float* dy = small.const_data_ptr<float>() + first * height * width * out;
      for (int64_t row = 0; row < count * height; ++row) {
        std::copy_n(dy + row * width * out, width * out, gradients.data() + row * columns * out);
      }
      for (int64_t j = 0; j < out; j += kPanel) {
        for (int64_t tap = 0; tap < 4; ++tap) {
          for (int64_t n = 0; n < count; ++n) {
            const MatrixView seen = {images.row(n, tap), 2 * channels};
            gemm_add(4 * channels, std::min(kPanel, out - j), pixels - columns + width,
                     seen.transposed(), gradients.data() + n * pixels * out + j, out,
                     sum + tap * dweight.stride(1) + j, out);
          }
        }
      }
    });
  });
  return dweight.sum(0).permute({3, 2, 0, 1});
}

/// The pixels (2i + a, 2j + b) of a few big images depend on corner (a, b) of the 3x3 pixels around
/// (i, j) of the padded small images with `channels` channels. `taps` are the packed taps of the
/// corner. The result is added to `big`, or replaces it if `add` is false.
void convolve_corner(const PaddedInput& small, int64_t count, int64_t channels, int64_t a,
                     int64_t b, const Tensor& taps, bool add, const ImageBatch& big) {
  const int64_t out = big.channels;
  const int64_t rows = (big.height - a + 1) / 2, columns = (big.width - b + 1) / 2;
  const Panels panels = {2 * channels, out, kPanel};
  for (int64_t j = 0; j < out; j += kPanel) {
    const int64_t panel = panels.width(j);
    for (int64_t tap = 0; tap < 2; ++tap) {
      const float* factor = taps.const_data_ptr<float>() + tap * taps.stride(0) + panels.at(0, j);
      const auto product = add || tap > 0 ? gemm_add : gemm;
      for (int64_t row = 0; row < count * rows; ++row) {
        const int64_t n = row / rows, i = row % rows;
        product(columns, panel, 2 * channels, {small.row(n, i + a + tap) + b * channels, channels},
                factor, panel, big.pixel(n, 2 * i + a, b) + j, 2 * out);
      }
    }
  }
}

Tensor transposed_strided_convolution(const Tensor& small, const Tensor& weight,
                                      const OptionalTensor& bias, int64_t height, int64_t width) {
  const int64_t out = weight.size(1);
  if (out % 8 != 0) {
    // gemm() needs a multiple of 8 channels.
    const int64_t more = 8 - out % 8;
    const Tensor wider = at::constant_pad_nd(weight, {0, 0, 0, 0, 0, more});
    const OptionalTensor wider_bias = bias ? at::constant_pad_nd(*bias, {0, more}) : bias;
    return transposed_strided_convolution(small, wider, wider_bias, height, width)
        .narrow(1, 0, out)
        .contiguous(at::MemoryFormat::ChannelsLast);
  }
  Tensor big = images_like(small, out, height, width);
  const Tensor taps = pack_corners(weight);
  const OptionalTensor start = bias ? OptionalTensor(bias->contiguous()) : bias;
  const int64_t most = images_at_a_time(small);

  for_each_share(small.size(0), [&](int64_t, int64_t begin, int64_t end) {
    PaddedInput images(small, most, /*border=*/1);
    for_a_few(begin, end, most, [&](int64_t first, int64_t count) {
      images.copy(small.const_data_ptr<float>() + first * images.image_size(), count);
      const ImageBatch to = {big.mutable_data_ptr<float>() + first * height * width * out, height,
                             width, out};
      if (start) {
        repeat_row(start->const_data_ptr<float>(), out, count * height * width, to.data);
      }
      for (int64_t i = 0; i < 4; ++i) {
        convolve_corner(images, count, small.size(1), i / 2, i % 2, taps[i / 2][i % 2],
                        start.has_value(), to);
      }
    });
  });
  return big;
}

}  // namespace

}  // namespace gm::ops::GM_KERNEL_SET

TORCH_LIBRARY_IMPL(gm, CPU, library) {
  using namespace gm::ops::GM_KERNEL_SET;
  if (!kernels_run_here()) return;
  library.impl("strided_convolution_takes", [](const at::Tensor& x, int64_t small_channels) {
    return gm::ops::cpu::takes(x, /*multiple=*/1) && small_channels % 8 == 0;
  });
  library.impl("strided_convolution", &strided_convolution);
  library.impl("transposed_strided_convolution", &transposed_strided_convolution);
  library.impl("strided_convolution_weight_gradient", &strided_convolution_weight_gradient);
}
