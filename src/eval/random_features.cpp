#include "eval/random_features.h"

#include <ATen/ATen.h>

#include <cmath>
#include <span>

#include "base/counter_rng.h"
#include "base/sha256.h"

namespace gm {

RandomFeatures::RandomFeatures(at::Device device) : FeatureExtractor(device) {
  int64_t from = 3;
  std::string bytes;
  for (const int64_t to : {16, 32, 64}) {
    const at::Tensor weight = at::empty({to, from, 3, 3}, at::kFloat);
    CounterRng random(/*seed=*/0, Stream::kFeatureNetwork, weights_.size());
    random.fill_normal({weight.mutable_data_ptr<float>(), static_cast<size_t>(weight.numel())});
    bytes.append(static_cast<const char*>(weight.const_data_ptr()), weight.nbytes());
    // He et al., "Delving deep into rectifiers", 2015: keeps the variance from layer to layer.
    weights_.push_back(weight.mul(std::sqrt(2.0 / static_cast<double>(from * 9))).to(device));
    from = to;
  }
  sha256_ = sha256(bytes);
}

at::Tensor RandomFeatures::forward(const at::Tensor& pixels) {
  at::Tensor x = pixels.sub(127.5).div(127.5);
  for (const at::Tensor& weight : weights_) {
    x = at::relu(at::conv2d(x, weight, /*bias=*/{}, /*stride=*/2, /*padding=*/1));
  }
  return x.mean(at::IntArrayRef{2, 3});
}

std::shared_ptr<FeatureExtractor> make_random_features(const ExtractorChoice&, at::Device device) {
  return std::make_shared<RandomFeatures>(device);
}

}  // namespace gm
