#include "diffusion/guidance.h"

#include <ATen/ATen.h>

#include "base/counter_rng.h"
#include "base/enum_names.h"
#include "base/error.h"

namespace gm {

void check_guidance(const SamplerConfig& sampler, const DiffusionConfig& diffusion) {
  if (diffusion.condition != DiffusionCondition::kClass) {
    if (sampler.label == -1 && sampler.guidance == 1) return;
    throw InputError(
        "sampler.class is {} and sampler.guidance is {}, but the model does not know classes "
        "(diffusion.condition is \"{}\"): give -1 and 1, or train with diffusion.condition = "
        "\"class\"",
        sampler.label, sampler.guidance, name_of(diffusion.condition));
  }
  if (sampler.guidance != 1 && diffusion.label_dropout == 0) {
    throw InputError(
        "sampler.guidance is {}, but the model has only learned images with their class "
        "(diffusion.label_dropout is 0): give 1, or train with diffusion.label_dropout = 0.1",
        sampler.guidance);
  }
}

at::Tensor drop_labels(const at::Tensor& labels, const at::Tensor& positions,
                       const LabelDropout& dropout) {
  at::Tensor kept = labels.clone();
  const auto position = positions.accessor<int64_t, 1>();
  auto label = kept.accessor<int64_t, 1>();
  for (int64_t n = 0; n < kept.size(0); ++n) {
    CounterRng random(dropout.seed, Stream::kLabelDropout, static_cast<uint64_t>(position[n]));
    if (random.uniform() < dropout.probability) label[n] = dropout.null_class;
  }
  return kept;
}

DiffusionNetwork guided(DiffusionNetwork conditional, DiffusionNetwork unconditional,
                        double weight) {
  if (weight == 1) return conditional;
  return [conditional = std::move(conditional), unconditional = std::move(unconditional), weight](
             const at::Tensor& x, const at::Tensor& t) {
    // One after the other: the memory is that of a batch without guidance.
    return at::lerp(unconditional(x, t), conditional(x, t), weight);
  };
}

}  // namespace gm
