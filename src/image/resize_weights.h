/// How resizing weighs the pixels of one axis, as in Pillow: the filter is widened when an image
/// gets smaller (antialiasing).
#pragma once

#include <cstdint>
#include <vector>

namespace gm {

enum class ResampleFilter {
  kBilinear,  ///< Triangle.
  kBicubic,   ///< Keys, "Cubic convolution interpolation", 1981, with a = -0.5.
};

/// Output i is the sum over k < count[i] of weights[i * taps + k] * input[first[i] + k]. The
/// weights of an output sum to 1.
struct ResizeWeights {
  ResizeWeights(int64_t from, int64_t to, ResampleFilter filter);

  int64_t taps = 0;
  std::vector<int64_t> first, count;
  std::vector<double> weights;
};

}  // namespace gm
