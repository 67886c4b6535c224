// The table of tasks: one entry for each. A new task needs a source in tasks/, an entry here and,
// if it has keys of its own, a section in config/run_config.h.
#include <fmt/format.h>

#include "base/enum_names.h"
#include "config/task_kinds.h"
#include "run/make_task.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

constexpr auto kAlways = [](const RunConfig&) { return true; };
constexpr auto kItsName = [](const RunConfig& config) { return config.run.task; };

std::vector<TaskKind> all_task_kinds() {
  return {
      {.name = "ddpm",
       .help = "diffusion",
       .sections = {"diffusion", "sampler", "repaint"},
       .abilities = {{kGenerateImages, "unless diffusion.condition = \"inpaint\""},
                     {kShowProcess, "unless diffusion.condition = \"inpaint\""},
                     {kInpaint, ""},
                     {kTrainDiffusion, ""}},
       .uses_masks =
           [](const RunConfig& c) { return c.diffusion.condition == DiffusionCondition::kInpaint; },
       .uses_labels =
           [](const RunConfig& c) { return c.diffusion.condition == DiffusionCondition::kClass; },
       .summary =
           [](const RunConfig& c) {
             return fmt::format("diffusion of {} steps, {} schedule", c.diffusion.steps,
                                name_of(c.diffusion.schedule));
           },
       .make = [](const TaskInputs& in) -> std::unique_ptr<Task> {
         const RunConfig& c = in.config;
         return std::make_unique<DdpmTask>(DdpmTask::Options{.model = c.model,
                                                             .diffusion = c.diffusion,
                                                             .sampler = c.sampler,
                                                             .repaint = c.repaint,
                                                             .classes = in.classes},
                                           in.masks, in.shape, in.seed(), in.device);
       }},
      {.name = "inpaint",
       .help = "a U-Net that inpaints by least squares",
       .sections = {},
       .abilities = {{kInpaint, ""}},
       .uses_masks = kAlways,
       .summary = kItsName,
       .make = [](const TaskInputs& in) -> std::unique_ptr<Task> {
         return std::make_unique<InpaintTask>(in.config.model, in.masks, in.shape, in.seed(),
                                              in.device);
       }},
      {.name = "gan_inpaint",
       .help = "the same U-Net against a discriminator",
       .sections = {"gan"},
       .abilities = {{kInpaint, ""}},
       .uses_masks = kAlways,
       .summary = kItsName,
       .make = [](const TaskInputs& in) -> std::unique_ptr<Task> {
         const RunConfig& c = in.config;
         return std::make_unique<GanInpaintTask>(
             GanInpaintTask::Options{.model = c.model, .gan = c.gan}, in.masks, in.shape, in.seed(),
             in.device);
       }},
  };
}

[[maybe_unused]] const bool kFilled = [] {
  task_kinds() = all_task_kinds();
  return true;
}();

}  // namespace
}  // namespace gm
