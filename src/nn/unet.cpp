#include "nn/unet.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "base/error.h"
#include "nn/layers.h"
#include "nn/ops/attention.h"
#include "nn/ops/channel_layer_norm.h"
#include "nn/ops/downsample_convolution.h"
#include "nn/ops/group_norm_silu.h"
#include "nn/ops/input_convolution.h"
#include "nn/ops/linear_attention.h"
#include "nn/ops/pointwise_convolution.h"
#include "nn/ops/upsample_convolution.h"

namespace gm {

namespace {

constexpr int64_t kGroups = 8;
constexpr int64_t kHeads = 4;
constexpr int64_t kHeadChannels = 32;

/// The sinusoidal embedding of the times `t` (int64 or float32 [N]): [N,dim]. Vaswani et al.,
/// "Attention is all you need", 2017, with all sines before all cosines.
at::Tensor sinusoidal_embedding(const at::Tensor& t, int64_t dim) {
  const int64_t half = dim / 2;
  const double step = std::log(10000.0) / static_cast<double>(half - 1);
  const at::Tensor frequency =
      at::exp(at::arange(half, t.options()).to(at::kFloat) * static_cast<float>(-step));
  const at::Tensor angle = t.unsqueeze(1) * frequency.unsqueeze(0);
  return at::cat({angle.sin(), angle.cos()}, 1);
}

/// Layer norm over channels, with a gain and no bias.
struct ChannelNorm {
  ChannelNorm(const ParameterScope& scope, int64_t dim) : gain(scope.ones("g", {1, dim, 1, 1})) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual = {}) const {
    return ops::channel_layer_norm(x, gain, residual);
  }

  at::Tensor gain;
};

/// The embedding of a timestep, to which that of a class may be added: [N] -> [N,4*dim]. It
/// includes the SiLU that each residual block applies to it first.
struct TimeEmbedding {
  TimeEmbedding(const ParameterScope& scope, int64_t width)
      : dim(width), in(scope / 1, dim, 4 * dim), out(scope / 3, 4 * dim, 4 * dim) {}

  at::Tensor operator()(const at::Tensor& t, const at::Tensor& of_class) const {
    const at::Tensor time = out(at::gelu(in(sinusoidal_embedding(t, dim))));
    return at::silu(of_class.defined() ? time + of_class : time);
  }

  int64_t dim;
  Linear in;
  Linear out;
};

/// Convolution, group norm, SiLU.
struct Block {
  Block(const ParameterScope& scope, int64_t in, int64_t out)
      : proj(scope / "proj", in, out, /*standardized=*/true),
        weight((scope / "norm").ones("weight", {out})),
        bias((scope / "norm").zeros("bias", {out})) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& scale_shift,
                        const at::Tensor& residual) const {
    return ops::group_norm_silu(proj(x, skip), weight, bias, kGroups, scale_shift, residual);
  }

  Conv3x3 proj;
  at::Tensor weight;
  at::Tensor bias;
};

/// Computes the scale and shift of a residual block from the time embedding. Must be created before
/// the parameters of the block. Empty without a timestep (`time_dim` 0).
std::optional<Linear> make_time_mlp(const ParameterScope& scope, int64_t time_dim, int64_t out) {
  if (time_dim == 0) return std::nullopt;
  return Linear(scope / "mlp.1", time_dim, 2 * out);
}

/// Two blocks with a residual connection. The timestep, if there is one, scales and shifts the
/// activations of the first block. With `skip`, the blocks read `x` and `skip` as if concatenated
/// along channels.
struct ResidualBlock {
  ResidualBlock(const ParameterScope& scope, int64_t in, int64_t out, int64_t time_dim)
      : time_mlp(make_time_mlp(scope, time_dim, out)),
        block1(scope / "block1", in, out),
        block2(scope / "block2", out, out) {
    if (in != out) res_conv.emplace(scope / "res_conv", in, out, 1);
  }

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& time,
                        const at::Tensor& skip = {}) const {
    const at::Tensor h = block1(x, skip, time_mlp ? (*time_mlp)(time) : at::Tensor(), {});
    return block2(h, {}, {}, around(x, skip));
  }

  at::Tensor around(const at::Tensor& x, const at::Tensor& skip) const {
    if (!res_conv) return x;
    return ops::pointwise_convolution(x, res_conv->weight(), res_conv->bias(), skip);
  }

  std::optional<Linear> time_mlp;
  Block block1;
  Block block2;
  std::optional<Conv> res_conv;
};

/// x + norm(attention(norm(x))), with a cost that is linear in the number of pixels.
struct LinearAttention {
  LinearAttention(const ParameterScope& scope, int64_t dim)
      : to_qkv(scope / "fn.fn.to_qkv", dim, 3 * kHeads * kHeadChannels, 1, /*bias=*/false),
        to_out(scope / "fn.fn.to_out.0", kHeads * kHeadChannels, dim, 1),
        out_norm(scope / "fn.fn.to_out.1", dim),
        norm(scope / "fn.norm", dim) {}

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor h =
        ops::linear_attention(norm(x), to_qkv.weight(), to_out.weight(), to_out.bias(), kHeads);
    return out_norm(h, x);
  }

  Conv to_qkv;
  Conv to_out;
  ChannelNorm out_norm;
  ChannelNorm norm;
};

/// x + attention(norm(x)), between all pairs of pixels.
struct FullAttention {
  FullAttention(const ParameterScope& scope, int64_t dim)
      : to_qkv(scope / "fn.fn.to_qkv", dim, 3 * kHeads * kHeadChannels, 1, /*bias=*/false),
        to_out(scope / "fn.fn.to_out", kHeads * kHeadChannels, dim, 1),
        norm(scope / "fn.norm", dim) {}

  at::Tensor operator()(const at::Tensor& x) const {
    return x + ops::attention(norm(x), to_qkv.weight(), to_out.weight(), to_out.bias(), kHeads);
  }

  Conv to_qkv;
  Conv to_out;
  ChannelNorm norm;
};

/// Halves the image, or keeps its size at the lowest level.
struct Downsample {
  Downsample(const ParameterScope& scope, int64_t in, int64_t out, bool lowest) {
    if (lowest) {
      same_size.emplace(scope, in, out);
    } else {
      halving.emplace(scope, in, out, 4);
    }
  }

  at::Tensor operator()(const at::Tensor& x) const {
    if (same_size) return (*same_size)(x);
    return ops::downsample_convolution(x, halving->weight(), halving->bias());
  }

  std::optional<Conv3x3> same_size;
  std::optional<Conv> halving;
};

/// Doubles the image by nearest neighbours, or keeps its size at the highest level; then convolves.
struct Upsample {
  Upsample(const ParameterScope& scope, int64_t in, int64_t out, bool highest) {
    if (highest) {
      same_size.emplace(scope, in, out);
    } else {
      doubling.emplace(scope / 1, in, out, 3);
    }
  }

  at::Tensor operator()(const at::Tensor& x) const {
    if (same_size) return (*same_size)(x);
    return ops::upsample_convolution(x, doubling->weight(), doubling->bias());
  }

  std::optional<Conv3x3> same_size;
  std::optional<Conv> doubling;
};

struct DownLevel {
  DownLevel(const ParameterScope& scope, int64_t in, int64_t out, int64_t time_dim, bool lowest)
      : block1(scope / 0, in, in, time_dim),
        block2(scope / 1, in, in, time_dim),
        attention(scope / 2, in),
        downsample(scope / 3, in, out, lowest) {}

  ResidualBlock block1;
  ResidualBlock block2;
  LinearAttention attention;
  Downsample downsample;
};

/// Both blocks read the output of the level below and the skip connection of the same level
/// (`skip`).
struct UpLevel {
  UpLevel(const ParameterScope& scope, int64_t skip, int64_t dim, int64_t time_dim, bool highest)
      : block1(scope / 0, dim + skip, dim, time_dim),
        block2(scope / 1, dim + skip, dim, time_dim),
        attention(scope / 2, dim),
        upsample(scope / 3, dim, skip, highest) {}

  ResidualBlock block1;
  ResidualBlock block2;
  LinearAttention attention;
  Upsample upsample;
};

/// The number of channels at each level. The first entry is that of the input convolution.
std::vector<int64_t> widths(const ModelConfig& config) {
  std::vector<int64_t> dims = {config.dim};
  for (const int64_t mult : config.dim_mults) dims.push_back(config.dim * mult);
  return dims;
}

void check_unet(const ModelConfig& config, const DenoiserShape& shape) {
  if (config.dim < kGroups || config.dim % kGroups != 0) {
    throw InputError("model.dim is {}: the group norms need a positive multiple of {}, such as {}",
                     config.dim, kGroups, std::max<int64_t>(1, config.dim / kGroups) * kGroups);
  }
  if (config.dim_mults.empty()) throw InputError("model.dim_mults is empty: give 1,2,4,8");
  for (const int64_t mult : config.dim_mults) {
    if (mult < 1) throw InputError("model.dim_mults holds {}: each must be at least 1", mult);
  }
  const int64_t channels = std::min(shape.in_channels, shape.out_channels);
  if (channels < 1) throw InputError("images of {} channels: at least 1 is needed", channels);
  if (shape.classes > 0 && !shape.time_conditioned)
    throw Error("a U-Net with classes needs a timestep");
}

}  // namespace

void check_unet_image_size(const ModelConfig& config, int64_t height, int64_t width) {
  const auto halvings = static_cast<int64_t>(config.dim_mults.size()) - 1;
  if (halvings < 0 || halvings > 12) {
    throw InputError("model.dim_mults has {} levels; a network has 1 to 13", halvings + 1);
  }
  const int64_t multiple = int64_t{1} << halvings;
  if (height > 0 && width > 0 && height % multiple == 0 && width % multiple == 0) return;
  const int64_t below = std::max(std::min(height, width) / multiple, int64_t{1}) * multiple;
  throw InputError(
      "images of {}x{} pixels: the network halves them {} times (model.dim_mults has {} levels), "
      "so height and width must be multiples of {}, such as {} or {}; pack them at such a size",
      height, width, halvings, halvings + 1, multiple, below, below + multiple);
}

/// Created in the order of denoising-diffusion-pytorch 0.27.12, which is the parameter order. The
/// package has no `label_emb`.
struct Unet::Layers {
  Layers(const ParameterScope& scope, const ModelConfig& config, const DenoiserShape& shape)
      : version(scope.version()),
        time_dim(shape.time_conditioned ? 4 * config.dim : 0),
        init_conv(scope / "init_conv", shape.in_channels, config.dim, 7),
        time_mlp(make_time_embedding(scope / "time_mlp", config, shape)),
        downs(make_downs(scope / "downs", config)),
        ups(make_ups(scope / "ups", config)),
        mid_block1(scope / "mid_block1", lowest(config), lowest(config), time_dim),
        mid_attention(scope / "mid_attn", lowest(config)),
        mid_block2(scope / "mid_block2", lowest(config), lowest(config), time_dim),
        final_block(scope / "final_res_block", 2 * config.dim, config.dim, time_dim),
        final_conv(scope / "final_conv", config.dim, shape.out_channels, 1),
        label_embeddings(make_label_embeddings(scope, config, shape)) {}

  static int64_t lowest(const ModelConfig& config) { return widths(config).back(); }

  static std::optional<TimeEmbedding> make_time_embedding(const ParameterScope& scope,
                                                          const ModelConfig& config,
                                                          const DenoiserShape& shape) {
    if (!shape.time_conditioned) return std::nullopt;
    return TimeEmbedding(scope, config.dim);
  }

  /// [classes + 1, 4*dim]; undefined without classes. A label is a one-hot vector, of which one
  /// input counts.
  static at::Tensor make_label_embeddings(const ParameterScope& scope, const ModelConfig& config,
                                          const DenoiserShape& shape) {
    if (shape.classes == 0) return {};
    return (scope / "label_emb")
        .uniform("weight", {shape.classes + 1, 4 * config.dim}, /*fan_in=*/1);
  }

  /// The embedding of a timestep and of a class, as far as the network has them.
  at::Tensor embed(const Condition& condition) const {
    if (!time_mlp) return {};
    return (*time_mlp)(condition.time, condition.labels.defined()
                                           ? at::embedding(label_embeddings, condition.labels)
                                           : at::Tensor());
  }

  std::vector<DownLevel> make_downs(const ParameterScope& scope, const ModelConfig& config) const {
    const std::vector<int64_t> dims = widths(config);
    const size_t levels = dims.size() - 1;
    std::vector<DownLevel> result;
    for (size_t i = 0; i < levels; ++i) {
      result.emplace_back(scope / static_cast<int64_t>(i), dims[i], dims[i + 1], time_dim,
                          /*lowest=*/i + 1 == levels);
    }
    return result;
  }

  std::vector<UpLevel> make_ups(const ParameterScope& scope, const ModelConfig& config) const {
    const std::vector<int64_t> dims = widths(config);
    const size_t levels = dims.size() - 1;
    std::vector<UpLevel> result;
    for (size_t i = 0; i < levels; ++i) {
      result.emplace_back(scope / static_cast<int64_t>(i), dims[levels - i - 1], dims[levels - i],
                          time_dim, /*highest=*/i + 1 == levels);
    }
    return result;
  }

  at::Tensor run(const at::Tensor& images, const at::Tensor& time) const;

  std::shared_ptr<int64_t> version;
  int64_t time_dim;  // 0 without a timestep
  Conv init_conv;
  std::optional<TimeEmbedding> time_mlp;
  std::vector<DownLevel> downs;
  std::vector<UpLevel> ups;
  ResidualBlock mid_block1;
  FullAttention mid_attention;
  ResidualBlock mid_block2;
  ResidualBlock final_block;
  Conv final_conv;
  at::Tensor label_embeddings;
};

/// `time` is the output of embed().
at::Tensor Unet::Layers::run(const at::Tensor& images, const at::Tensor& time) const {
  const at::Tensor first = ops::input_convolution(images.contiguous(at::MemoryFormat::ChannelsLast),
                                                  init_conv.weight(), init_conv.bias());
  at::Tensor x = first;
  std::vector<at::Tensor> skips;
  const auto pop_skip = [&] {
    at::Tensor skip = std::move(skips.back());
    skips.pop_back();
    return skip;
  };

  for (const DownLevel& level : downs) {
    x = level.block1(x, time);
    skips.push_back(x);
    x = level.attention(level.block2(x, time));
    skips.push_back(x);
    x = level.downsample(x);
  }

  x = mid_block1(x, time);
  x = mid_attention(x);
  x = mid_block2(x, time);

  for (const UpLevel& level : ups) {
    x = level.block1(x, time, pop_skip());
    x = level.block2(x, time, pop_skip());
    x = level.upsample(level.attention(x));
  }

  return ops::pointwise_convolution(final_block(x, time, first), final_conv.weight(),
                                    final_conv.bias());
}

Unet::Unet(const ModelConfig& config, const DenoiserShape& shape, uint64_t seed,
           at::Device device) {
  check_unet(config, shape);
  layers_ = std::make_unique<Layers>(ParameterScope(*this, seed, device), config, shape);
}

Unet::~Unet() = default;

at::Tensor Unet::forward(const at::Tensor& x, const Condition& condition) {
  if (layers_->time_mlp && !condition.time.defined())
    throw Error("a U-Net with a timestep was given no timesteps");
  if (!layers_->time_mlp && condition.time.defined())
    throw Error("a U-Net without a timestep was given timesteps");
  if (layers_->label_embeddings.defined() && !condition.labels.defined())
    throw Error("a U-Net with classes was given no labels");
  if (!layers_->label_embeddings.defined() && condition.labels.defined())
    throw Error("a U-Net without classes was given labels");
  const at::Tensor input = condition.image.defined() ? at::cat({x, condition.image}, 1) : x;
  return layers_->run(input, layers_->embed(condition));
}

void Unet::invalidate_cache() { ++*layers_->version; }

std::unique_ptr<Denoiser> make_unet(const ModelConfig& config, const DenoiserShape& shape,
                                    uint64_t seed, at::Device device) {
  return std::make_unique<Unet>(config, shape, seed, device);
}

}  // namespace gm
