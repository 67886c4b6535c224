#include "nn/layers.h"

#include <ATen/ATen.h>

#include "nn/ops/standardize_weight.h"

namespace gm {

Linear::Linear(const ParameterScope& scope, int64_t in, int64_t out)
    : weight_(scope.uniform("weight", {out, in}, in)), bias_(scope.uniform("bias", {out}, in)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight_, bias_); }

Conv::Conv(const ParameterScope& scope, int64_t in, int64_t out, int64_t size, bool bias)
    : weight_(scope.uniform("weight", {out, in, size, size}, in * size * size)),
      bias_(bias ? scope.uniform("bias", {out}, in * size * size) : at::Tensor()),
      channels_last_weight_(scope) {}

const at::Tensor& Conv::weight() const {
  return channels_last_weight_.get(
      weight_, [&] { return weight_.contiguous(at::MemoryFormat::ChannelsLast); });
}

Conv3x3::Conv3x3(const ParameterScope& scope, int64_t in, int64_t out, bool standardized)
    : weight_(scope.uniform("weight", {out, in, 3, 3}, in * 9)),
      bias_(scope.uniform("bias", {out}, in * 9)),
      standardized_(standardized),
      prepared_(scope) {}

at::Tensor Conv3x3::operator()(const at::Tensor& x, const at::Tensor& skip) const {
  const ops::Convolution3x3Weight& weight = prepared_.get(weight_, [&] {
    return ops::prepare_convolution3x3(standardized_ ? ops::standardize_weight(weight_) : weight_,
                                       x.size(2), x.size(3));
  });
  return ops::convolution3x3(x, weight, bias_, skip);
}

}  // namespace gm
