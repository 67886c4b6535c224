#include "nn/discriminator.h"

#include <ATen/ATen.h>

#include <optional>

#include "base/error.h"
#include "nn/layers.h"
#include "nn/ops/downsample_convolution.h"
#include "nn/spectral_norm.h"

namespace gm {

namespace {

constexpr int64_t kHalvings = 3;
constexpr double kSlope = 0.2;

/// The parameters of a convolution, with an optional spectral norm.
class NormalizedConv {
 public:
  NormalizedConv(const ParameterScope& scope, at::IntArrayRef shape, bool spectral_norm)
      : weight_(scope.uniform("weight", shape, c10::multiply_integers(shape.slice(1)))),
        bias_(scope.uniform("bias", {shape[0]}, c10::multiply_integers(shape.slice(1)))),
        ready_weight_(scope) {
    if (spectral_norm) norm_.emplace(scope, weight_);
  }

  /// [out,in,height,width], channels last.
  const at::Tensor& weight() const {
    return ready_weight_.get(weight_, [&] {
      return (norm_ ? norm_->normalized(weight_) : weight_)
          .contiguous(at::MemoryFormat::ChannelsLast);
    });
  }
  const at::Tensor& bias() const { return bias_; }  ///< [out]

  void iterate() const {
    if (norm_) norm_->iterate(weight_);
  }

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  std::optional<SpectralNorm> norm_;
  CachedWeight<at::Tensor> ready_weight_;
};

void check_size(int64_t height, int64_t width) {
  constexpr int64_t kLeast = int64_t{1} << kHalvings;
  if (height >= kLeast && width >= kLeast) return;
  throw InputError(
      "images of {}x{} pixels: the discriminator halves them {} times, so they must be at least "
      "{} pixels high and wide; pack them at such a size, for example {} or {}",
      height, width, kHalvings, kLeast, 2 * kLeast, 4 * kLeast);
}

}  // namespace

struct Discriminator::Layers {
  Layers(const ParameterScope& scope, const DiscriminatorShape& shape)
      : version(scope.version()), head_padding(shape.patch ? 1 : 0) {
    int64_t in = shape.channels, out = shape.dim;
    for (int64_t i = 0; i < kHalvings; ++i, in = out, out *= 2) {
      convs.emplace_back(scope / "convs" / i, at::IntArrayRef{out, in, 4, 4}, shape.spectral_norm);
    }
    const int64_t rows = shape.patch ? 3 : shape.height >> kHalvings;
    const int64_t columns = shape.patch ? 3 : shape.width >> kHalvings;
    head.emplace(scope / "head", at::IntArrayRef{1, in, rows, columns}, shape.spectral_norm);
  }

  template <class Convolution>
  DiscriminatorOutput discriminate(at::Tensor x, const Convolution& halve) const {
    DiscriminatorOutput result;
    for (const NormalizedConv& conv : convs) {
      x = halve(x, conv.weight(), conv.bias());
      x = at::leaky_relu_(x, kSlope);
      result.activations.push_back(x);
    }
    result.logits = at::conv2d(x, head->weight(), head->bias(), /*stride=*/1, head_padding);
    return result;
  }

  std::shared_ptr<int64_t> version;
  std::vector<NormalizedConv> convs;
  std::optional<NormalizedConv> head;
  int64_t head_padding;
};

Discriminator::Discriminator(const DiscriminatorShape& shape, uint64_t seed, at::Device device) {
  check_size(shape.height, shape.width);
  layers_ = std::make_unique<Layers>(ParameterScope(*this, seed, device), shape);
}

Discriminator::~Discriminator() = default;

DiscriminatorOutput Discriminator::forward(const at::Tensor& x) {
  return layers_->discriminate(x.contiguous(at::MemoryFormat::ChannelsLast),
                               ops::downsample_convolution);
}

DiscriminatorOutput Discriminator::forward_plain(const at::Tensor& x) {
  return layers_->discriminate(x, ops::downsample_convolution_plain);
}

void Discriminator::iterate_spectral_norms() {
  for (const NormalizedConv& conv : layers_->convs) conv.iterate();
  layers_->head->iterate();
  invalidate_cache();
}

void Discriminator::invalidate_cache() { ++*layers_->version; }

}  // namespace gm
