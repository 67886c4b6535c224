#include "eval/efficientnet_lite0.h"

#include <ATen/ATen.h>

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

/// `weight` [to,from,kernel,kernel], for an input of even length and stride 2. There, TensorFlow's
/// padding "same" adds one more zero after an axis than before it. With a zero before the kernel,
/// equal padding on both sides does the same, without a copy of the input.
at::Tensor with_leading_zeros(const at::Tensor& weight) {
  return at::constant_pad_nd(weight, {1, 0, 1, 0});
}

}  // namespace

at::Tensor EfficientNetLite0::Convolution::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight, bias, /*stride=*/at::IntArrayRef(stride),
                    /*padding=*/at::IntArrayRef(padding), /*dilation=*/1, groups);
}

EfficientNetLite0::EfficientNetLite0(const TensorMap& weights, std::string weights_sha256,
                                     at::Device device)
    : FeatureExtractor(device), weights_sha256_(std::move(weights_sha256)) {
  const WeightReader reader(weights, device);
  const auto convolution = [&](const std::string& name, const std::string& norm,
                               at::IntArrayRef shape, int64_t stride, int64_t groups) {
    const auto [weight, bias] = reader.folded(name, norm, shape);
    const at::Tensor kernel = stride == 2 ? with_leading_zeros(weight) : weight;
    return Convolution{.weight = kernel.contiguous(at::MemoryFormat::ChannelsLast),
                       .bias = bias,
                       .stride = stride,
                       .padding = (shape.back() - 1) / 2,
                       .groups = groups};
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
  const at::Tensor images = pixels.sub(127).div(128).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor x = stem_(images).clamp_(0, 6);
  for (const Block& block : blocks_) {
    at::Tensor y = x;
    for (const Convolution& layer : block.layers) {
      y = layer(y);
      if (&layer != &block.layers.back()) y.clamp_(0, 6);  // ReLU6
    }
    x = block.is_residual ? y.add_(x) : y;
  }
  return head_(x).clamp_(0, 6).mean(at::IntArrayRef{2, 3});
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
