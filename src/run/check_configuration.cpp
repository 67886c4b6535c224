#include "run/check_configuration.h"

#include <algorithm>

#include "base/error.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "config/run_identity.h"
#include "config/task_kinds.h"
#include "data/shard_order.h"
#include "diffusion/make_sampler.h"
#include "nn/denoiser.h"
#include "run/run_shards.h"
#include "telemetry/metrics_server.h"

namespace gm {
namespace {

void require_device(const std::string& device) {
  if (device == "cuda") {
    throw InputError(
        "run.device = \"cuda\": this version of gm computes on CPUs; use \"cpu\" or \"auto\"");
  }
}

/// Whether the task of the run reads a section that only some tasks read.
bool reads(const RunConfig& config, const std::string& section) {
  const std::vector<std::string>& sections = task_kind(config).sections;
  return std::ranges::find(sections, section) != sections.end();
}

}  // namespace

RunConfig checked_configuration(World& world, RunConfig config, const RunDirectory& directory) {
  Communicator& ranks = world.communicator();
  require_same_everywhere(ranks, "the program", program_build_id());
  require_same_everywhere(ranks, "the configuration", to_toml(config));
  keep_shards_of_run(config, directory, ranks);
  require_device(config.run.device);
  if (config.telemetry.port != 0)
    address_in_digits(config.telemetry.address);  // throws if it is not an address
  require_same_kernels(ranks);
  check_divisible(config.data.shards, config.train.batch_size, world.size());
  check_image_size(config.model, config.data.image_size, config.data.image_size);
  if (reads(config, "sampler")) check_sampler(config.sampler, config.diffusion.steps);
  on_rank_zero(ranks, [&] {
    if (directory.holds_run()) require_same_run(read_run_config(directory.root()), config);
  });
  return config;
}

}  // namespace gm
