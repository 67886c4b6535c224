#include "run/run_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/enum_names.h"
#include "base/kernel_set.h"
#include "base/with_thousands.h"
#include "config/task_kinds.h"

namespace gm {
namespace {

std::string device_row(const World& world) {
  return fmt::format("CPU, {} thread{} a rank, {} kernels", world.threads(),
                     world.threads() == 1 ? "" : "s", name_of(kernel_set()));
}

std::string network_row(const RunConfig& config, Task& task) {
  std::vector<std::string> networks;
  for (const Phase& phase : task.phases()) {
    int64_t parameters = 0;
    for (const auto& parameter : phase.network->parameters()) parameters += parameter.numel();
    networks.push_back(fmt::format("{} parameters ({})", with_thousands(parameters), phase.name));
  }
  return fmt::format("{}, dim {}: {}", config.model.kind, config.model.dim,
                     fmt::join(networks, ", "));
}

std::string task_row(const RunConfig& config) {
  const std::string masks =
      config.uses_masks() ? fmt::format(", masks: {}", name_of(config.mask.kind)) : "";
  return task_kind(config).summary(config) + masks;
}

}  // namespace

std::string format_table(const std::vector<TableRow>& rows) {
  size_t width = 0;
  for (const auto& [label, text] : rows) width = std::max(width, label.size());
  std::string table;
  for (const auto& [label, text] : rows) table += fmt::format("  {:<{}}  {}\n", label, width, text);
  return table;
}

std::vector<TableRow> run_rows(const World& world, const RunConfig& config,
                               const TrainingData& data, Task& task, std::optional<int> restarts) {
  const TrainConfig& train = config.train;
  std::vector<TableRow> rows{
      {"ranks", fmt::format("{}, {} on {}", world.size(), world.local_size(), world.host())},
      {"device", device_row(world)},
      {"data",
       fmt::format("{}: {}, in {} shards", config.data.path, data.description, config.data.shards)},
      {"task", task_row(config)},
      {"network", network_row(config, task)},
      {"batch", fmt::format("{} images a step = {} ranks x {} images x {} micro-batches",
                            train.samples_per_step(), world.size(), train.batch_size / world.size(),
                            train.accumulate)},
      {"length", fmt::format("{} steps, {} images, {:.1f} epochs", with_thousands(train.steps),
                             with_thousands(train.steps * train.samples_per_step()),
                             static_cast<double>(train.steps * train.samples_per_step()) /
                                 static_cast<double>(data.size))},
      {"results", fmt::format("{}: config.toml, metrics.jsonl, log.txt, samples/, checkpoints/",
                              config.run.dir)},
  };
  if (restarts) rows.push_back({"restarts", fmt::format("{} by the launcher", *restarts)});
  return rows;
}

std::string resume_message(const RunConfig& config, int64_t step) {
  if (step < config.train.steps) {
    return fmt::format("{}: resumes after step {} of {}", config.run.dir, step, config.train.steps);
  }
  const bool can_continue = config.optimizer.schedule == LearningRateSchedule::kConstant;
  return fmt::format("{}: the run is finished, with {} steps; {}", config.run.dir, step,
                     can_continue ? "a larger train.steps continues it"
                                  : "a new run can start from its weights (model.weights)");
}

}  // namespace gm
