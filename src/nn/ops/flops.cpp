#include "nn/ops/flops.h"

#include <functional>
#include <map>
#include <numeric>

namespace gm::ops {

namespace {

using Shapes = std::vector<std::vector<int64_t>>;

double element_count(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0, std::multiplies<>());
}

/// The number of pixels of images [N,C,H,W].
double pixels(const std::vector<int64_t>& images) {
  return element_count(images) / static_cast<double>(images[1]);
}

/// Channels of `x` plus those of `skip`, if there is one.
double channels(const std::vector<int64_t>& x, const std::vector<int64_t>& skip) {
  return static_cast<double>(x[1] + (skip.empty() ? 0 : skip[1]));
}

constexpr double kTaps = 9;
/// The 4x4 window of the operators that halve and double an image.
constexpr double kStridedTaps = 16;

using Count = std::function<double(const Shapes&)>;

const std::map<std::string_view, Count>& counts() {
  static const std::map<std::string_view, Count> all{
      {"gm::convolution3x3_forward",  // x, skip, packed_weight, bias
       [](const Shapes& s) {
         return 2 * pixels(s[0]) * channels(s[0], s[1]) * element_count(s[3]) * kTaps;
       }},
      {"gm::convolution3x3_backward",  // dy, x, skip
       [](const Shapes& s) { return 4 * element_count(s[0]) * channels(s[1], s[2]) * kTaps; }},
      {"gm::pointwise_convolution_forward",  // x, skip, weight
       [](const Shapes& s) { return 2 * pixels(s[0]) * element_count(s[2]); }},
      {"gm::pointwise_convolution_backward",  // dy, x, skip, weight
       [](const Shapes& s) { return 4 * pixels(s[0]) * element_count(s[3]); }},
      {"gm::input_convolution_forward",  // x, weight
       [](const Shapes& s) { return 2 * pixels(s[0]) * element_count(s[1]); }},
      {"gm::strided_convolution",  // big, weight
       [](const Shapes& s) { return 2 * pixels(s[0]) / 4 * element_count(s[1]); }},
      {"gm::transposed_strided_convolution",  // small, weight
       [](const Shapes& s) { return 2 * pixels(s[0]) * element_count(s[1]); }},
      {"gm::strided_convolution_weight_gradient",  // big, small
       [](const Shapes& s) {
         return 2 * element_count(s[1]) * static_cast<double>(s[0][1]) * kStridedTaps;
       }},
      {"gm::attention_forward",  // x, to_qkv, to_out
       [](const Shapes& s) {
         return 2 * pixels(s[0]) * (element_count(s[1]) + element_count(s[2]));
       }},
      {"gm::attention_backward",  // dy, x, to_qkv, to_out
       [](const Shapes& s) {
         return 4 * pixels(s[0]) * (element_count(s[2]) + element_count(s[3]));
       }},
      {"gm::linear_attention_forward",  // x, to_qkv, to_out
       [](const Shapes& s) {
         return 2 * pixels(s[0]) * (element_count(s[1]) + element_count(s[2]));
       }},
      {"gm::linear_attention_backward",  // dy, x, to_qkv, to_out
       [](const Shapes& s) {
         return 4 * pixels(s[0]) * (element_count(s[2]) + element_count(s[3]));
       }},
  };
  return all;
}

}  // namespace

double flops_of(std::string_view name, const Shapes& shapes) {
  const auto count = counts().find(name);
  return count == counts().end() ? 0 : count->second(shapes);
}

}  // namespace gm::ops
