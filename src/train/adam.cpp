#include "train/adam.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/full.h>

namespace gm {

void adam_update(FlatParameters& flat, const OptimizerConfig& config, double learning_rate,
                 int64_t update, double gradient_divisor) {
  const auto scalar = [&](double value) {
    return at::full({}, value, flat.parameters().options().requires_grad(false));
  };
  at::_fused_adam_({flat.parameters()}, {flat.gradients()}, {flat.first_moments()},
                   {flat.second_moments()}, /*max_exp_avg_sqs=*/{},
                   {scalar(static_cast<double>(update))}, learning_rate, config.beta1, config.beta2,
                   /*weight_decay=*/0.0, config.epsilon, /*amsgrad=*/false, /*maximize=*/false,
                   /*grad_scale=*/scalar(gradient_divisor));
}

}  // namespace gm
