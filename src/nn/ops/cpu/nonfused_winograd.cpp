#include "nn/ops/cpu/nonfused_winograd.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "nn/ops/cpu/gemm.h"
#include "nn/ops/cpu/parallel.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

namespace {

/// Rows and columns of a weight that are transformed at a time. Their 36 elements take a part of
/// the L2 cache.
constexpr int64_t kDepth = 64;
constexpr int64_t kPanel = 32;

/// Output and input channels of a weight's gradient that are computed at a time, likewise.
constexpr int64_t kOutputs = 16;
constexpr int64_t kInputs = 128;

/// Maximum number of floats of transformed tiles at a time: a share of the last-level cache.
constexpr int64_t kMaxFloats = 2 * 1024 * 1024;

/// 36 matrices with memory of their own.
class Matrices {
 public:
  explicit Matrices(int64_t count)
      : step_(element_stride(count)), values_(at::empty({kElements * step_}, at::kFloat)) {}

  Elements<float> get() const { return {values_.mutable_data_ptr<float>(), step_}; }

 private:
  int64_t step_;
  at::Tensor values_;  // unlike std::vector, not cleared
};

/// Calls work(first tile, tiles) for chunks of all tiles.
template <class Work>
void for_each_chunk(int64_t tiles, int64_t channels, const Work& work) {
  const int64_t most = std::max<int64_t>(1, kMaxFloats / (kElements * channels));
  const int64_t chunks = (tiles + most - 1) / most;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t first = i * tiles / chunks;
    work(first, (i + 1) * tiles / chunks - first);
  }
}

int64_t parts_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

}  // namespace

void convolve_nonfused(const Images<const float>& x, int64_t count, const Taps<const float>& taps,
                       const float* bias, const Images<float>& y) {
  const int64_t in = x.channels(), out = y.channels();
  const auto convolve_chunk = [&](int64_t first, int64_t tiles) {
    const Matrices windows(tiles * in), products(tiles * out);
    const Elements<float> from = windows.get(), to = products.get();
    for_each_share(tiles, [&](int64_t, int64_t begin, int64_t end) {
      transform_windows(x, first + begin, end - begin, {from.data + begin * in, from.step});
    });
    at::parallel_for(0, parts_of(out, kPanel), 1, [&](int64_t begin, int64_t end) {
      const Matrices block(kDepth * kPanel);
      const Elements<float> packed_weight = block.get();
      for (int64_t j = begin * kPanel; j < std::min(out, end * kPanel); j += kPanel) {
        const int64_t width = std::min(kPanel, out - j);
        for (int64_t k = 0; k < in; k += kDepth) {
          const int64_t depth = std::min(kDepth, in - k);
          transform_taps(taps.from(k, j), depth, width, packed_weight);
          const auto product = k == 0 ? gemm : gemm_add;
          for (int64_t e = 0; e < kElements; ++e) {
            product(tiles, width, depth, {from[e] + k, in}, packed_weight[e], width, to[e] + j,
                    out);
          }
        }
      }
    });
    for_each_share(tiles, [&](int64_t, int64_t begin, int64_t end) {
      transform_results({to.data + begin * out, to.step}, bias, first + begin, end - begin, y);
    });
  };
  for_each_chunk(count * tiles_of(x.height, x.width), in + out, convolve_chunk);
}

void weight_gradient_nonfused(const Images<const float>& x, const Images<const float>& dy,
                              int64_t count, const Taps<float>& dtaps, float* dbias) {
  const int64_t in = x.channels(), out = dy.channels();
  std::fill_n(dbias, out, 0.0F);
  const auto add_chunk = [&](int64_t first, int64_t tiles) {
    const Matrices windows(tiles * in), gradients(tiles * out);
    const Elements<float> seen = windows.get(), due = gradients.get();
    std::vector<float> sums(shares_of(tiles) * out);
    for_each_share(tiles, [&](int64_t share, int64_t begin, int64_t end) {
      transform_windows(x, first + begin, end - begin, {seen.data + begin * in, seen.step});
      transform_gradients(dy, first + begin, end - begin, {due.data + begin * out, due.step},
                          sums.data() + share * out);
    });
    for (size_t i = 0; i < sums.size(); ++i) dbias[i % out] += sums[i];

    // Consecutive blocks have the same inputs, so their windows stay in the cache.
    const int64_t rows = parts_of(out, kOutputs), blocks = rows * parts_of(in, kInputs);
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
      const Matrices block(kOutputs * kInputs);
      const Elements<float> dpacked_weight = block.get();
      for (int64_t i = begin; i < end; ++i) {
        const int64_t o = i % rows * kOutputs, c = i / rows * kInputs;
        const int64_t height = std::min(kOutputs, out - o), width = std::min(kInputs, in - c);
        for (int64_t e = 0; e < kElements; ++e) {
          gemm(height, width, tiles, MatrixView{due[e] + o, out}.transposed(), seen[e] + c, in,
               dpacked_weight[e], width);
        }
        fold_taps({dpacked_weight.data, dpacked_weight.step}, /*shares=*/1, height, width,
                  /*add=*/first > 0, dtaps.from(o, c));
      }
    });
  };
  for_each_chunk(count * tiles_of(x.height, x.width), in + out, add_chunk);
}

}  // namespace gm::ops::GM_KERNEL_SET::winograd
