#include "run/make_task.h"

#include "data/masks.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

MaskMaker masks_of(const RunConfig& config, const ImageShape& shape) {
  const auto source = std::make_shared<const MaskSource>(config.mask, shape.height, shape.width,
                                                         static_cast<uint64_t>(config.run.seed));
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
  const bool has_holes = config.diffusion.condition == "inpaint";
  return std::make_unique<DdpmTask>(options, has_holes ? masks_of(config, shape) : MaskMaker(),
                                    shape, seed);
}

}  // namespace gm
