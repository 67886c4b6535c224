#include "run/check_configuration.h"

#include <algorithm>

#include "base/error.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "config/run_identity.h"
#include "config/task_kinds.h"
#include "data/shard_order.h"
#include "diffusion/guidance.h"
#include "diffusion/make_sampler.h"
#include "nn/denoiser.h"
#include "run/make_task.h"
#include "run/run_shards.h"
#include "run/training_options.h"
#include "telemetry/network_address.h"

namespace gm {
namespace {

/// The device that run.device names.
at::Device device_of(DeviceChoice choice) {
  if (choice == DeviceChoice::kCuda) {
    throw InputError(
        "run.device = \"cuda\": this version of gm computes on CPUs; use \"cpu\" or \"auto\"");
  }
  return at::kCPU;
}

}  // namespace

RunConfig checked_configuration(World& world, RunConfig config, const RunDirectory& directory) {
  Communicator& ranks = world.communicator();
  require_same_everywhere(ranks, "the configuration", to_toml(config));
  keep_shards_of_run(config, directory, ranks);
  world.use_device(device_of(config.run.device));
  if (config.telemetry.port != 0)
    address_in_digits(config.telemetry.address);  // throws if it is not an address
  require_same_kernels(ranks);
  check_divisible(config.data.shards, config.train.batch_size, world.size());
  check_image_size(config.model, config.data.image_size, config.data.image_size);
  if (reads(config, "sampler")) {
    check_sampler(config.sampler, config.diffusion.steps);
    check_guidance(config.sampler, config.diffusion);
  }
  on_rank_zero(ranks, [&] {
    if (directory.holds_run()) require_same_run(read_run_config(directory.root()), config);
  });
  return config;
}

void check_abilities(const RunConfig& config, bool visualize, const ExtractorSource& extractor,
                     Communicator& ranks) {
  best_figure(config);  // throws if there is no such figure
  if (config.evaluate.every == 0 && !visualize) return;
  // What a task can do does not depend on the size of its network, or on its number of classes.
  RunConfig small = config;
  small.model.dim = 8;
  small.model.dim_mults = {1};
  small.sampler.label = std::min<int64_t>(config.sampler.label, 0);
  const int64_t size = config.data.image_size;
  const auto task = make_task(small, {.height = size, .width = size, .channels = 3},
                              /*masks=*/nullptr, at::kCPU, /*classes=*/1);
  if (config.evaluate.every > 0) {
    require_evaluations(*task, config.evaluate.metrics, "evaluate.every");
    check_evaluation_files(config.evaluate.metrics, {.extractor = extractor}, ranks);
  }
  if (visualize) require_process(*task, "--visualize");
}

}  // namespace gm
