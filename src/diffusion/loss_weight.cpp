#include "diffusion/loss_weight.h"

#include <algorithm>

namespace gm {

double loss_weight(const DiffusionConfig& config, double snr, double x0_error) {
  switch (config.loss_weight) {
    case LossWeightKind::kUniform:
      return 1;
    case LossWeightKind::kMinSnr:
      break;
  }
  return std::min(snr, config.min_snr_gamma) * x0_error;
}

}  // namespace gm
