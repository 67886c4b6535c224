#include "run/make_task.h"

#include "base/hash.h"
#include "data/masks.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

bool reads_masks(const RunConfig& config) {
  return config.run.task != "ddpm" || config.diffusion.condition == "inpaint";
}

std::shared_ptr<const MaskSource> open_masks(const RunConfig& config, const ImageShape& shape) {
  return std::make_shared<const MaskSource>(config.mask, shape.height, shape.width,
                                            static_cast<uint64_t>(config.run.seed));
}

MaskMaker masks_of(const RunConfig& config, const ImageShape& shape) {
  if (!reads_masks(config)) return {};
  const auto source = open_masks(config, shape);
  return [source](const at::Tensor& positions) { return source->masks(positions); };
}

}  // namespace

std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  if (config.run.task == "inpaint") {
    return std::make_unique<InpaintTask>(config.model, masks_of(config, shape), shape, seed);
  }
  if (config.run.task == "gan_inpaint") {
    const GanInpaintTask::Options options{.model = config.model, .gan = config.gan};
    return std::make_unique<GanInpaintTask>(options, masks_of(config, shape), shape, seed);
  }
  const DdpmTask::Options options{
      .model = config.model, .diffusion = config.diffusion, .repaint = config.repaint};
  return std::make_unique<DdpmTask>(options, masks_of(config, shape), shape, seed);
}

std::string training_data_hash(const RunConfig& config, const ImageDataset& pictures) {
  std::string hash = pictures.content_hash();
  if (!reads_masks(config) || config.mask.kind != "files") return hash;
  return Hash().add(hash).add(open_masks(config, pictures.shape())->content_hash()).hex();
}

}  // namespace gm
