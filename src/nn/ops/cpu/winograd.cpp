#include "nn/ops/cpu/winograd.h"

#include <algorithm>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/packed_panels.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

namespace {

/// Columns of a panel of a packed weight: the width of gemm's tile with AVX2, of two tiles with the
/// portable kernel set, and of half a tile (a whole vector) with AVX-512.
constexpr int64_t kPanel = 16;

/// The number of tiles that are transformed at a time: a multiple of the 6 rows of gemm's tile.
/// Fewer for many channels, so that the transformed tiles stay in the L2 cache.
int64_t block_of(int64_t channels) { return channels <= 256 ? 36 : 18; }

}  // namespace

void prepare(const Taps<const float>& taps, int64_t rows, int64_t columns, int64_t begin,
             int64_t end, float* packed_weight) {
  const Panels panels = {rows, columns, kPanel};
  for (int64_t j = 0; j < columns; j += kPanel) {
    transform_taps(taps.from(begin, j), end - begin, panels.width(j),
                   {packed_weight + panels.at(begin, j), element_stride(rows * columns)});
  }
}

int64_t scratch_size(int64_t in, int64_t out) {
  const int64_t block = block_of(in + out);
  return kElements * (element_stride(block * in) + element_stride(block * out));
}

void convolve(const Images<const float>& x, int64_t count, const float* packed_weight,
              const float* bias, const Images<float>& y, float* scratch) {
  const int64_t in = x.channels(), out = y.channels(), block = block_of(in + out);
  const int64_t tiles = count * tiles_of(x.height, x.width);
  const Panels panels = {in, out, kPanel};
  for (int64_t first = 0; first < tiles; first += block) {
    const int64_t n = std::min(block, tiles - first);
    const Elements<float> windows = {scratch, element_stride(n * in)};
    const Elements<float> products = {windows[kElements], element_stride(n * out)};
    transform_windows(x, first, n, windows);
    for (int64_t e = 0; e < kElements; ++e) {
      const float* matrix = packed_weight + e * element_stride(in * out);
      for (int64_t j = 0; j < out; j += kPanel) {
        gemm(n, panels.width(j), in, {windows[e], in}, matrix + panels.at(0, j), panels.width(j),
             products[e] + j, out);
      }
    }
    transform_results({products.data, products.step}, bias, first, n, y);
  }
}

void weight_gradient(const Images<const float>& x, const Images<const float>& dy, int64_t count,
                     float* dpacked_weight, float* dbias, float* scratch) {
  const int64_t in = x.channels(), out = dy.channels(), block = block_of(in + out);
  const int64_t tiles = count * tiles_of(x.height, x.width);
  std::fill_n(dbias, out, 0.0F);
  for (int64_t first = 0; first < tiles; first += block) {
    const int64_t n = std::min(block, tiles - first);
    const Elements<float> windows = {scratch, element_stride(n * in)};
    const Elements<float> gradients = {windows[kElements], element_stride(n * out)};
    transform_windows(x, first, n, windows);
    transform_gradients(dy, first, n, gradients, dbias);
    const auto product = first == 0 ? gemm : gemm_add;
    for (int64_t e = 0; e < kElements; ++e) {
      product(out, in, n, MatrixView{gradients[e], out}.transposed(), windows[e], in,
              dpacked_weight + e * element_stride(out * in), in);
    }
  }
}

}  // namespace gm::ops::GM_KERNEL_SET::winograd
