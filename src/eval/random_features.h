/// The feature extractor "random": a small convolution network with random weights, which needs no
/// file. For tests and first trials; its distances say little about what people see.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eval/feature_extractor.h"

namespace gm {

/// Three 3x3 convolutions with stride 2 and ReLU on images of 32 x 32, and the mean over the
/// positions. The weights are the same on every machine.
class RandomFeatures final : public FeatureExtractor {
 public:
  explicit RandomFeatures(at::Device device);

  std::string name() const override { return "random"; }
  std::string weights_sha256() const override { return sha256_; }
  int64_t dimension() const override { return 64; }
  int64_t side() const override { return 32; }

 private:
  at::Tensor forward(const at::Tensor& pixels) override;

  std::vector<at::Tensor> weights_;
  std::string sha256_;
};

std::shared_ptr<FeatureExtractor> make_random_features(const ExtractorChoice& choice,
                                                       at::Device device);

}  // namespace gm
