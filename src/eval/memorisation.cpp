#include "eval/memorisation.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace gm {

Memorisation memorisation(const at::Tensor& of_samples, const at::Tensor& of_held_out) {
  const at::Tensor limit = at::quantile(of_held_out, kNearHeldOut);
  const double median = of_held_out.median().item<double>();
  if (!(median > 0)) {
    throw InputError(
        "neighbours: the held-out images are training images, so they say nothing about copies");
  }
  return {.ratio = of_samples.median().item<double>() / median,
          .near = of_samples.le(limit).to(at::kDouble).mean().item<double>()};
}

}  // namespace gm
