#include "diffusion/guidance.h"

#include <ATen/ATen.h>

#include "base/counter_rng.h"
#include "base/enum_names.h"
#include "base/error.h"

namespace gm {
namespace {

/// Throws InputError when a key that chooses classes is set for a model that does not know them.
void require_default(const char* key, double value, double expected, DiffusionCondition condition) {
  if (value == expected) return;
  throw InputError(
      "{} is {}, but the model does not know classes (diffusion.condition is \"{}\"): give {}, or "
      "train with diffusion.condition = \"class\"",
      key, value, name_of(condition), expected);
}

}  // namespace

void check_guidance(const SamplerConfig& sampler, const DiffusionConfig& diffusion) {
  if (diffusion.condition != DiffusionCondition::kClass) {
    require_default("sampler.class", sampler.label, -1, diffusion.condition);
    require_default("sampler.guidance", sampler.guidance, 1, diffusion.condition);
    return;
  }
  if (diffusion.label_dropout == 1) {
    throw InputError(
        "diffusion.label_dropout is 1, so the model never learns a class: give less, such as 0.1, "
        "or train with diffusion.condition = \"none\"");
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
                        double scale) {
  if (scale == 1) return conditional;
  return [conditional = std::move(conditional), unconditional = std::move(unconditional), scale](
             const at::Tensor& x, const at::Tensor& t) {
    // One after the other: the memory is that of a batch without guidance.
    return at::lerp(unconditional(x, t), conditional(x, t), scale);
  };
}

}  // namespace gm
