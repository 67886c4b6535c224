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

}  // namespace

at::Tensor diffusion_loss(DiffusionLoss kind, const at::Tensor& output, const at::Tensor& target,
                          const at::Tensor& weights) {
  const auto loss = std::ranges::find(kLosses, kind, &LossEntry::kind)->loss;
  if (!weights.defined()) return loss(output, target, at::Reduction::Mean);
  return (loss(output, target, at::Reduction::None) * weights.view({-1, 1, 1, 1})).mean();
}

}  // namespace gm
