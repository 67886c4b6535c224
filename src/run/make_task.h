/// Creates the task of a run from its configuration, and asks it for what it can do.
#pragma once

#include <memory>
#include <string>

#include "config/run_config.h"
#include "data/image_dataset.h"
#include "data/masks.h"
#include "image/image_shape.h"
#include "tasks/diffusion_losses.h"
#include "tasks/diffusion_process.h"
#include "tasks/image_generator.h"
#include "tasks/inpainter.h"
#include "tasks/masking.h"
#include "tasks/task.h"

namespace gm {

/// What a task is made from.
struct TaskInputs {
  const RunConfig& config;
  ImageShape shape;
  MaskMaker masks;  ///< Of the training; empty if it does not use masks.
  at::Device device;
  int64_t classes;  ///< Of the dataset; 0 if the training does not use labels.

  uint64_t seed() const { return static_cast<uint64_t>(config.run.seed); }
};

/// Abilities of tasks (config/task_kinds.h).
inline constexpr const char* kGenerateImages = "generate images";
inline constexpr const char* kInpaint = "inpaint";
inline constexpr const char* kTrainDiffusion = "train a diffusion model";
inline constexpr const char* kShowProcess = "generate images from noise step by step";

/// The masks that the run trains on, for images of `shape`; null if the run does not train on
/// masks. Throws InputError as MaskSource does.
std::shared_ptr<const MaskSource> open_training_masks(const RunConfig& config,
                                                      const ImageShape& shape);

/// The task run.task on `device`, with new weights, for images of `shape`. Training on masks needs
/// the `masks` of open_training_masks(); inpainting does not. A task that uses labels needs the
/// number of `classes`. Throws InputError when its networks do not fit the images or classes.
std::unique_ptr<Task> make_task(const RunConfig& config, const ImageShape& shape,
                                std::shared_ptr<const MaskSource> masks = nullptr,
                                at::Device device = at::kCPU, int64_t classes = 0);

/// What `task` offers. Throws InputError if it does not, with the tasks that do; `asked` names the
/// option or key that needs it.
ImageGenerator& require_image_generator(Task& task, const std::string& asked);
Inpainter& require_inpainter(Task& task, const std::string& asked);
DiffusionLosses& require_diffusion_losses(Task& task, const std::string& asked);
DiffusionProcess& require_process(Task& task, const std::string& asked);

/// Hash of the training data of a run: the dataset with this hash and, if the run trains on them,
/// the mask files. Compared between ranks, and when a run resumes.
std::string training_data_hash(const std::string& dataset, const MaskSource* masks);

}  // namespace gm
