#include "eval/efficientnet_lite0.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"

namespace gm {
namespace {

/// Of the file that launch/lite0_weights.py writes.
constexpr const char* kLite0Sha256 =
    "13badca7f05595226fd5df1861c04c6a9e92854bffb31b67616e2a844a375bc0";
constexpr const char* kLite0File = "efficientnet_lite0.safetensors";
constexpr size_t kLargestLite0File = size_t{1} << 26;

/// A row of blocks with the same shape. The stride is that of the first block.
struct Stage {
  int64_t blocks, kernel, stride, expansion, channels;
};
constexpr std::array<Stage, 7> kStages{{{1, 3, 1, 1, 16},
                                        {2, 3, 2, 6, 24},
                                        {2, 5, 2, 6, 40},
                                        {3, 3, 2, 6, 80},
                                        {3, 5, 1, 6, 112},
                                        {4, 5, 2, 6, 192},
                                        {1, 3, 1, 6, 320}}};
constexpr int64_t kStemChannels = 32;
constexpr int64_t kHeadChannels = 1280;

/// The weights of a convolution and of the batch norm behind it.
struct FoldedWeights {
  at::Tensor weight, bias;
};

class WeightReader {
 public:
  WeightReader(const TensorMap& weights, at::Device device) : weights_(weights), device_(device) {}

  /// The convolution `name` of shape [to,from,kernel,kernel], with the batch norm `norm` folded in.
  FoldedWeights folded(const std::string& name, const std::string& norm,
                       at::IntArrayRef shape) const {
    constexpr double kEpsilon = 1e-3;
    const int64_t channels = shape.front();
    const auto of_norm = [&](const char* what) {
      return tensor(norm + "." + what, {channels}).to(at::kDouble);
    };
    const at::Tensor scale = of_norm("weight") / (of_norm("running_var") + kEpsilon).sqrt();
    const at::Tensor weight = tensor(name + ".weight", shape) * scale.view({-1, 1, 1, 1});
    const at::Tensor bias = of_norm("bias") - of_norm("running_mean") * scale;
    return {weight.to(device_, at::kFloat), bias.to(device_, at::kFloat)};
  }

 private:
  const at::Tensor& tensor(const std::string& name, at::IntArrayRef shape) const {
    const auto found = weights_.find(name);
    if (found == weights_.end()) {
      throw InputError("the weights of EfficientNet-Lite0 lack the tensor {}", name);
    }
    if (found->second.sizes() != shape) {
      throw InputError("the weights of EfficientNet-Lite0 have a {} of another shape", name);
    }
    return found->second;
  }

  const TensorMap& weights_;
  at::Device device_;
};

/// The zeros before and after an axis that TensorFlow's padding "same" adds. The odd one is last.
std::array<int64_t, 2> same_padding(int64_t length, int64_t kernel, int64_t stride) {
  const int64_t outputs = (length + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (outputs - 1) * stride + kernel - length);
  return {total / 2, total - total / 2};
}

}  // namespace

at::Tensor EfficientNetLite0::Convolution::operator()(const at::Tensor& x) const {
  const auto [top, bottom] = same_padding(x.size(2), weight.size(2), stride);
  const auto [left, right] = same_padding(x.size(3), weight.size(3), stride);
  const at::Tensor padded = at::constant_pad_nd(x, {left, right, top, bottom});
  return at::conv2d(padded, weight, bias, /*stride=*/at::IntArrayRef(stride),
                    /*padding=*/at::IntArrayRef({0}), /*dilation=*/1, groups);
}

EfficientNetLite0::EfficientNetLite0(const TensorMap& weights, std::string weights_sha256,
                                     at::Device device)
    : FeatureExtractor(device), weights_sha256_(std::move(weights_sha256)) {
  const WeightReader reader(weights, device);
  const auto convolution = [&](const std::string& name, const std::string& norm,
                               at::IntArrayRef shape, int64_t stride, int64_t groups) {
    const FoldedWeights folded = reader.folded(name, norm, shape);
    return Convolution{folded.weight, folded.bias, stride, groups};
  };
  stem_ = convolution("_conv_stem", "_bn0", {kStemChannels, 3, 3, 3}, 2, 1);
  int64_t from = kStemChannels;
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.blocks; ++i) {
      const std::string prefix = fmt::format("_blocks.{}.", blocks_.size());
      const int64_t stride = i == 0 ? stage.stride : 1, inner = from * stage.expansion;
      Block block{.layers = {}, .is_residual = stride == 1 && from == stage.channels};
      if (stage.expansion > 1) {
        block.layers.push_back(
            convolution(prefix + "_expand_conv", prefix + "_bn0", {inner, from, 1, 1}, 1, 1));
      }
      block.layers.push_back(convolution(prefix + "_depthwise_conv", prefix + "_bn1",
                                         {inner, 1, stage.kernel, stage.kernel}, stride, inner));
      block.layers.push_back(convolution(prefix + "_project_conv", prefix + "_bn2",
                                         {stage.channels, inner, 1, 1}, 1, 1));
      blocks_.push_back(std::move(block));
      from = stage.channels;
    }
  }
  head_ = convolution("_conv_head", "_bn1", {kHeadChannels, from, 1, 1}, 1, 1);
}

at::Tensor EfficientNetLite0::forward(const at::Tensor& pixels) {
  at::Tensor x = at::relu6(stem_(pixels.sub(127).div(128)));
  for (const Block& block : blocks_) {
    at::Tensor y = x;
    for (const Convolution& layer : block.layers) {
      y = layer(y);
      if (&layer != &block.layers.back()) y = at::relu6(y);
    }
    x = block.is_residual ? x + y : y;
  }
  return at::relu6(head_(x)).mean(at::IntArrayRef{2, 3});
}

std::shared_ptr<FeatureExtractor> make_efficientnet_lite0(const ExtractorChoice& choice,
                                                          at::Device device) {
  const auto file = choice.file.empty() ? choice.cache / kLite0File : choice.file;
  constexpr const char* kRemedy =
      "run launch/lite0_weights.py, which fetches and converts them (19 MB), or choose another "
      "evaluate.extractor";
  if (!std::filesystem::exists(file)) {
    throw InputError("{}: the weights of EfficientNet-Lite0 are not there; {}", file.string(),
                     kRemedy);
  }
  const std::string hash = sha256(read_file(file, kLargestLite0File));
  if (hash != kLite0Sha256) {
    throw InputError("{}: not the weights of EfficientNet-Lite0 that gm was tested with; {}",
                     file.string(), kRemedy);
  }
  return std::make_shared<EfficientNetLite0>(load_safetensors(file), hash, device);
}

}  // namespace gm
