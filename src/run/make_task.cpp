#include "run/make_task.h"

#include "base/error.h"
#include "base/hash.h"
#include "config/task_kinds.h"

namespace gm {
namespace {

[[noreturn]] void refuse(const std::string& asked, const std::string& ability) {
  std::string able;
  for (const TaskKind& kind : task_kinds()) {
    const auto found = kind.abilities.find(ability);
    if (found == kind.abilities.end()) continue;
    able +=
        (able.empty() ? "" : ", ") + kind.name + (found->second.empty() ? "" : " ") + found->second;
  }
  throw InputError("{}: the task of this run does not {}; these do: {}", asked, ability, able);
}

}  // namespace

std::shared_ptr<const MaskSource> open_training_masks(const RunConfig& config,
                                                      const ImageShape& shape) {
  if (!config.uses_masks()) return nullptr;
  return std::make_shared<const MaskSource>(config.mask, shape.height, shape.width,
                                            static_cast<uint64_t>(config.run.seed));
}

std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape,
                                std::shared_ptr<const MaskSource> masks, at::Device device,
                                int64_t classes) {
  MaskMaker make_masks;
  if (masks) {
    make_masks = [masks](const at::Tensor& positions) { return masks->masks(positions); };
  }
  return task_kind(config).make({.config = config,
                                 .shape = shape,
                                 .masks = make_masks,
                                 .device = device,
                                 .classes = classes});
}

ImageGenerator& require_image_generator(Task& task, const std::string& asked) {
  if (ImageGenerator* const generator = task.image_generator()) return *generator;
  refuse(asked, kGenerateImages);
}

Inpainter& require_inpainter(Task& task, const std::string& asked) {
  if (Inpainter* const inpainter = task.inpainter()) return *inpainter;
  refuse(asked, kInpaint);
}

DiffusionLosses& require_diffusion_losses(Task& task, const std::string& asked) {
  if (DiffusionLosses* const losses = task.diffusion_losses()) return *losses;
  refuse(asked, kTrainDiffusion);
}

DiffusionProcess& require_process(Task& task, const std::string& asked) {
  if (DiffusionProcess* const process = task.process()) return *process;
  refuse(asked, kShowProcess);
}

std::string training_data_hash(const std::string& dataset, const MaskSource* masks) {
  if (masks == nullptr || masks->content_hash().empty()) return dataset;
  return Hash().add(dataset).add(masks->content_hash()).hex();
}

}  // namespace gm
