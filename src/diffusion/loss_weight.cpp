#include "diffusion/loss_weight.h"

#include <algorithm>

#include "base/error.h"

namespace gm {

double loss_weight(const DiffusionConfig& config, double snr, double x0_error) {
  switch (config.loss_weight) {
    case LossWeightKind::kUniform:
      return 1;
    case LossWeightKind::kMinSnr:
      return std::min(snr, config.min_snr_gamma) * x0_error;
  }
  throw Error("diffusion.loss_weight has no formula");
}

}  // namespace gm
