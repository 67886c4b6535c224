#include "nn/ops/cpu/direct_convolution.h"

#include <algorithm>

#include "nn/ops/cpu/gemm.h"

namespace gm::ops::GM_KERNEL_SET::direct {

namespace {

int64_t padded_size(int64_t height, int64_t width, int64_t channels) {
  return (height + 2) * (width + 2) * channels;
}

/// The first image of `x`, with all its channels side by side, in a border of zeros: [H+2,W+2,C].
/// The three pixels under a row of taps are then contiguous.
void add_border(const Images<const float>& x, float* to) {
  const int64_t channels = x.channels(), row = (x.width + 2) * channels;
  std::fill_n(to, padded_size(x.height, x.width, channels), 0.0F);
  float* first = to + row + channels;
  for (const auto& part : x.parts) {
    const float* from = part.data;
    for (int64_t i = 0; i < x.height; ++i) {
      for (int64_t j = 0; j < x.width; ++j, from += part.channels) {
        std::copy_n(from, part.channels, first + i * row + j * channels);
      }
    }
    first += part.channels;
  }
}

/// Copies a row of results, `from` [W,C], to row number `row` of y.
void put_row(const float* from, int64_t row, const Images<float>& y) {
  for (const auto& part : y.parts) {
    float* to = part.data + row * y.width * part.channels;
    for (int64_t j = 0; j < y.width; ++j, to += part.channels) {
      std::copy_n(from + j * y.channels(), part.channels, to);
    }
    from += part.channels;
  }
}

}  // namespace

int64_t scratch_size(int64_t height, int64_t width, int64_t channels) {
  return padded_size(height, width, channels);
}

void convolve(const Images<const float>& x, int64_t count, const float* packed_weight,
              const float* bias, const Images<float>& y, float* scratch) {
  const int64_t in = x.channels(), out = y.channels(), row = (x.width + 2) * in;
  float* results = scratch + padded_size(x.height, x.width, in);
  for (int64_t n = 0; n < count; ++n) {
    add_border(x.from(n), scratch);
    for (int64_t i = 0; i < x.height; ++i) {
      std::fill_n(results, x.width * out, 0.0F);
      for (int64_t j = 0; bias && j < x.width; ++j) std::copy_n(bias, out, results + j * out);
      for (int64_t k = 0; k < 3; ++k) {
        gemm_add(x.width, out, 3 * in, {scratch + (i + k) * row, in},
                 packed_weight + k * 3 * in * out, out, results, out);
      }
      put_row(results, i, y.from(n));
    }
  }
}

void weight_gradient(const Images<const float>& x, const Images<const float>& dy, int64_t count,
                     float* dpacked_weight, float* dbias, float* scratch) {
  const int64_t in = x.channels(), out = dy.channels(), row = (x.width + 2) * in;
  const float* gradients = dy.parts[0].data;
  std::fill_n(dpacked_weight, kTaps * out * in, 0.0F);
  std::fill_n(dbias, out, 0.0F);
  for (int64_t n = 0; n < count; ++n) {
    add_border(x.from(n), scratch);
    for (int64_t i = 0; i < x.height; ++i, gradients += x.width * out) {
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        const float* pixels = scratch + (i + tap / 3) * row + tap % 3 * in;
        gemm_add(out, in, x.width, MatrixView{gradients, out}.transposed(), pixels, in,
                 dpacked_weight + tap * out * in, in);
      }
      for (int64_t j = 0; j < x.width; ++j) {
        for (int64_t c = 0; c < out; ++c) dbias[c] += gradients[j * out + c];
      }
    }
  }
}

}  // namespace gm::ops::GM_KERNEL_SET::direct
