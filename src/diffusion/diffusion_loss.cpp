#include "diffusion/diffusion_loss.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

namespace gm {
namespace {

at::Tensor huber(const at::Tensor& output, const at::Tensor& target, int64_t reduction) {
  return at::huber_loss(output, target, reduction);
}

struct LossEntry {
  DiffusionLoss kind;
  at::Tensor (*loss)(const at::Tensor& output, const at::Tensor& target, int64_t reduction);
};

/// All losses: a new one needs a function, an entry here, and its name in diffusion_config.h.
constexpr std::array kLosses{
    LossEntry{DiffusionLoss::kL1, at::l1_loss},
    LossEntry{DiffusionLoss::kL2, at::mse_loss},
    LossEntry{DiffusionLoss::kHuber, huber},
};

auto loss_function(DiffusionLoss kind) {
  return std::ranges::find(kLosses, kind, &LossEntry::kind)->loss;
}

}  // namespace

at::Tensor diffusion_loss(DiffusionLoss kind, const at::Tensor& output, const at::Tensor& target,
                          const at::Tensor& weights) {
  const auto loss = loss_function(kind);
  if (!weights.defined()) return loss(output, target, at::Reduction::Mean);
  return (loss(output, target, at::Reduction::None) * weights.view({-1, 1, 1, 1})).mean();
}

at::Tensor diffusion_losses(DiffusionLoss kind, const at::Tensor& output, const at::Tensor& target,
                            const at::Tensor& weights) {
  const at::Tensor losses =
      loss_function(kind)(output, target, at::Reduction::None).mean({1, 2, 3});
  return weights.defined() ? losses * weights : losses;
}

}  // namespace gm
