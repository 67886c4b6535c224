#include "nn/layers.h"

#include <ATen/ATen.h>

#include "nn/ops/standardize_weight.h"

namespace gm {

Linear::Linear(const ParameterScope& scope, int64_t in, int64_t out)
    : weight_(scope.uniform("weight", {out, in}, in)), bias_(scope.uniform("bias", {out}, in)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight_, bias_); }

PreparedWeight::PreparedWeight(const ParameterScope& scope, int64_t in, int64_t out, int64_t size,
                               bool standardized)
    : weight_(scope.uniform("weight", {out, in, size, size}, in * size * size)),
      standardized_(standardized),
      version_(scope.version()) {}

const at::Tensor& PreparedWeight::get() const {
  // What was made without a graph is of no use to a pass that needs one, and the other way round it
  // would keep the graph alive.
  const bool needs_graph = at::GradMode::is_enabled() && weight_.requires_grad();
  if (prepared_version_ != *version_ || prepared_.requires_grad() != needs_graph) {
    prepared_ = standardized_ ? ops::standardize_weight(weight_)
                              : weight_.contiguous(at::MemoryFormat::ChannelsLast);
    prepared_version_ = *version_;
  }
  return prepared_;
}

Conv::Conv(const ParameterScope& scope, int64_t in, int64_t out, int64_t size,
           const ConvOptions& options)
    : weight_(scope, in, out, size, options.standardized),
      bias_(options.bias ? scope.uniform("bias", {out}, in * size * size) : at::Tensor()),
      options_(options) {}

at::Tensor Conv::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight(), bias_, options_.stride, options_.padding);
}

}  // namespace gm
