// The table of feature extractors is at the end.
#include "eval/feature_extractor.h"

#include <ATen/ATen.h>

#include <map>

#include "base/error.h"
#include "eval/efficientnet_lite0.h"
#include "eval/inception.h"
#include "eval/random_features.h"
#include "image/float_resize.h"

namespace gm {
namespace {

/// Turns the short mantissas of convolutions on GPUs off. Features would differ from the
/// reference's by 1e-3.
class FullPrecision {
 public:
  FullPrecision() { at::globalContext().setAllowTF32CuDNN(false); }
  ~FullPrecision() { at::globalContext().setAllowTF32CuDNN(was_allowed_); }
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool was_allowed_ = at::globalContext().allowTF32CuDNN(at::Float32Op::CONV);
};

/// The pixels of an 8-bit file, as float32.
at::Tensor to_float_pixels(const at::Tensor& images) {
  return images.to(at::kFloat).clamp(-1, 1).add(1).mul(127.5).round();
}

using MakeExtractor = std::shared_ptr<FeatureExtractor> (*)(const ExtractorChoice&, at::Device);

// A new extractor is a value of ExtractorKind, a class and a line here.
const std::map<ExtractorKind, MakeExtractor>& extractors() {
  static const std::map<ExtractorKind, MakeExtractor> table{
      {ExtractorKind::kLite0, make_efficientnet_lite0},
      {ExtractorKind::kInception, make_inception},
      {ExtractorKind::kRandom, make_random_features},
  };
  return table;
}

}  // namespace

at::Tensor FeatureExtractor::features(const at::Tensor& images) {
  const at::NoGradGuard no_gradients;
  const FullPrecision full_precision;
  const at::Tensor pixels = to_float_pixels(images.to(device_));
  const at::Tensor resized = resize_bicubic(pixels, side(), side()).clamp(0, 255);
  return forward(resized.expand({-1, 3, -1, -1}));  // after the resizing: grey has one channel
}

std::shared_ptr<FeatureExtractor> make_feature_extractor(const ExtractorChoice& choice,
                                                         at::Device device,
                                                         Communicator& communicator) {
  std::shared_ptr<FeatureExtractor> extractor;
  std::string problem;
  try {
    extractor = extractors().at(choice.kind)(choice, device);
  } catch (const InputError& error) {
    problem = error.what();
  }
  for (const std::string& of_a_rank : communicator.all_gather_text(problem)) {
    if (!of_a_rank.empty()) throw InputError("{}", of_a_rank);
  }
  return extractor;
}

}  // namespace gm
