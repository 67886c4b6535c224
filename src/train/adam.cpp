#include "train/adam.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>

#include "train/cpu/adam.h"

namespace gm {
namespace {

/// Minimum number of elements per thread: a few microseconds of work.
constexpr int64_t kChunk = 1 << 14;

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

}  // namespace

constinit AdamKernel* adam_kernel = nullptr;

void adam_update(FlatParameters& flat, const OptimizerConfig& config, const AdamUpdate& update) {
  if (!flat.parameters().is_cpu()) return adam_update_plain(flat, config, update);
  const AdamFactors factors = factors_of(config, update);
  const AdamBuffers buffers = {
      flat.parameters().mutable_data_ptr<float>(), flat.gradients().const_data_ptr<float>(),
      flat.first_moments().mutable_data_ptr<float>(),
      flat.second_moments().mutable_data_ptr<float>(),
      flat.ema().defined() ? flat.ema().mutable_data_ptr<float>() : nullptr};
  const int64_t chunks = (flat.size() + kChunk - 1) / kChunk;
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, flat.size());
    adam_kernel(factors, buffers.from(first), last - first);
  });
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
