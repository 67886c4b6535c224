#include "train/adam.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "device/operator.h"
#include "device/transfer.h"
#include "train/cpu/adam.h"

// `factors` [8] holds the members of AdamFactors in order. They are a tensor, and not numbers, so
// that a step that was recorded on a device can be repeated with other values.
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def(
      "adam_update(Tensor(a!) parameters, Tensor gradients, Tensor(b!) first_moments, "
      "Tensor(c!) second_moments, Tensor(d!)? ema, Tensor factors) -> ()");
}

namespace gm {

constinit AdamKernel* adam_kernel = nullptr;

namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;

/// Minimum number of elements per thread: a few microseconds of work.
constexpr int64_t kChunk = 1 << 14;

static_assert(sizeof(AdamFactors) == 8 * sizeof(float));

AdamFactors factors_of(const OptimizerConfig& config, const AdamUpdate& update) {
  const auto count = static_cast<double>(update.count);
  const double first_correction = 1.0 - std::pow(config.beta1, count);
  const double second_correction = 1.0 - std::pow(config.beta2, count);
  return {.gradient_factor = static_cast<float>(1.0 / update.gradient_divisor),
          .first_share = static_cast<float>(1.0 - config.beta1),
          .second_decay = static_cast<float>(config.beta2),
          .second_share = static_cast<float>(1.0 - config.beta2),
          .deviation_factor = static_cast<float>(1.0 / std::sqrt(second_correction)),
          .epsilon = static_cast<float>(config.epsilon),
          .step = static_cast<float>(update.learning_rate / first_correction),
          .ema_share = static_cast<float>(1.0 - update.ema_decay)};
}

void adam_on_cpu(const Tensor& parameters, const Tensor& gradients, const Tensor& first_moments,
                 const Tensor& second_moments, const OptionalTensor& ema, const Tensor& factors) {
  AdamFactors values{};
  std::memcpy(&values, factors.const_data_ptr<float>(), sizeof(values));
  const AdamBuffers buffers = {
      parameters.mutable_data_ptr<float>(), gradients.const_data_ptr<float>(),
      first_moments.mutable_data_ptr<float>(), second_moments.mutable_data_ptr<float>(),
      ema ? ema->mutable_data_ptr<float>() : nullptr};
  const int64_t size = parameters.numel(), chunks = (size + kChunk - 1) / kChunk;
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, size);
    adam_kernel(values, buffers.from(first), last - first);
  });
}

/// For devices without a kernel.
void adam_by_aten(const Tensor& parameters, const Tensor& gradients, const Tensor& first_moments,
                  const Tensor& second_moments, const OptionalTensor& ema, const Tensor& factors) {
  const auto f = factors.unbind();
  const Tensor gradient = gradients * f[0];
  first_moments.lerp_(gradient, f[1]);
  second_moments.mul_(f[2]).add_(gradient.square().mul_(f[3]));
  const Tensor deviation = second_moments.sqrt().mul_(f[4]).add_(f[5]);
  parameters.sub_(first_moments.div(deviation).mul_(f[6]));
  if (ema) ema->lerp_(parameters, f[7]);
}

}  // namespace

void adam_update(FlatParameters& flat, const OptimizerConfig& config, const AdamUpdate& update) {
  static const Operator<void(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                             const OptionalTensor&, const Tensor&)>
      adam("gm::adam_update");
  const AdamFactors values = factors_of(config, update);
  const Tensor factors = at::empty({8}, at::kFloat);
  std::memcpy(factors.mutable_data_ptr<float>(), &values, sizeof(values));
  adam(flat.parameters(), flat.gradients(), flat.first_moments(), flat.second_moments(),
       flat.ema().defined() ? OptionalTensor(flat.ema()) : std::nullopt,
       upload(factors, flat.parameters().device()));
}

void adam_update_plain(FlatParameters& flat, const OptimizerConfig& config,
                       const AdamUpdate& update) {
  const auto scalar = [&](double value) {
    return at::full({}, value, flat.parameters().options().requires_grad(false));
  };
  at::_fused_adam_({flat.parameters()}, {flat.gradients()}, {flat.first_moments()},
                   {flat.second_moments()}, /*max_exp_avg_sqs=*/{},
                   {scalar(static_cast<double>(update.count))}, update.learning_rate, config.beta1,
                   config.beta2, /*weight_decay=*/0.0, config.epsilon, /*amsgrad=*/false,
                   /*maximize=*/false, /*grad_scale=*/scalar(update.gradient_divisor));
  if (flat.ema().defined()) flat.ema().lerp_(flat.parameters(), 1.0 - update.ema_decay);
}

}  // namespace gm

TORCH_LIBRARY_IMPL(gm, CPU, library) { library.impl("adam_update", &gm::adam_on_cpu); }
TORCH_LIBRARY_IMPL(gm, CompositeExplicitAutograd, library) {
  library.impl("adam_update", &gm::adam_by_aten);
}
