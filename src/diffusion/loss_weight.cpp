#include "diffusion/loss_weight.h"

#include <algorithm>
#include <array>

namespace gm {
namespace {

class UniformWeight final : public LossWeight {
 public:
  explicit UniformWeight(const DiffusionConfig&) {}
  double weight(double, double) const override { return 1; }
};

class MinSnrWeight final : public LossWeight {
 public:
  explicit MinSnrWeight(const DiffusionConfig& config) : gamma_(config.min_snr_gamma) {}
  double weight(double snr, double x0_error) const override {
    return std::min(snr, gamma_) * x0_error;
  }

 private:
  double gamma_;
};

template <class W>
std::unique_ptr<LossWeight> make_weight(const DiffusionConfig& config) {
  return std::make_unique<W>(config);
}

struct LossWeightEntry {
  LossWeightKind kind;
  std::unique_ptr<LossWeight> (*make)(const DiffusionConfig&);
};

/// All loss weights: a new one needs a class, an entry here, and its name in diffusion_config.h.
constexpr std::array kLossWeights{
    LossWeightEntry{LossWeightKind::kUniform, make_weight<UniformWeight>},
    LossWeightEntry{LossWeightKind::kMinSnr, make_weight<MinSnrWeight>},
};

}  // namespace

std::unique_ptr<LossWeight> make_loss_weight(const DiffusionConfig& config) {
  return std::ranges::find(kLossWeights, config.loss_weight, &LossWeightEntry::kind)->make(config);
}

}  // namespace gm
