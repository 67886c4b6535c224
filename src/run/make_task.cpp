#include "run/make_task.h"

#include "base/hash.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"

namespace gm {

std::shared_ptr<const MaskSource> open_training_masks(const RunConfig& config,
                                                      const ImageShape& shape) {
  if (!config.uses_masks()) return nullptr;
  return std::make_shared<const MaskSource>(config.mask, shape.height, shape.width,
                                            static_cast<uint64_t>(config.run.seed));
}

std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape,
                                std::shared_ptr<const MaskSource> masks) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  MaskMaker make_masks;
  if (masks) {
    make_masks = [masks](const at::Tensor& positions) { return masks->masks(positions); };
  }
  if (config.run.task == "inpaint") {
    return std::make_unique<InpaintTask>(config.model, make_masks, shape, seed);
  }
  if (config.run.task == "gan_inpaint") {
    const GanInpaintTask::Options options{.model = config.model, .gan = config.gan};
    return std::make_unique<GanInpaintTask>(options, make_masks, shape, seed);
  }
  const DdpmTask::Options options{
      .model = config.model, .diffusion = config.diffusion, .repaint = config.repaint};
  return std::make_unique<DdpmTask>(options, make_masks, shape, seed);
}

std::string training_data_hash(const ImageDataset& images, const MaskSource* masks) {
  const std::string hash = images.content_hash();
  if (masks == nullptr || masks->content_hash().empty()) return hash;
  return Hash().add(hash).add(masks->content_hash()).hex();
}

}  // namespace gm
