// Trains a U-Net or samples from it, on request: gm's side of speed.py.
//
// Usage: network_speed train|sample|images DIM SIZE BATCH [KEY=VALUE...], alone or under mpirun.
// BATCH is the batch size of all ranks together. serve.h describes the requests. A step of `sample`
// is a reverse step; a step of `images` makes a batch from noise to images, with the keys of
// diffusion and sampler.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/kernel_set.h"
#include "base/malloc_settings.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "config/run_config.h"
#include "config/schema.h"
#include "config/toml.h"
#include "nn/unet.h"
#include "serve.h"
#include "tasks/ddpm.h"
#include "train/phase_trainer.h"

namespace gm {
namespace {

constexpr int64_t kMicroBatches = 2;
constexpr int64_t kTimesteps = 50;

struct Setting {
  ModelConfig model;
  ImageShape shape;
  int64_t batch;  // of this rank
};

/// Runs steps like the trainer, on random images.
class Training {
 public:
  Training(const Setting& setting, World& world)
      : setting_(setting),
        watchdog_(world),
        task_({.model = setting.model, .diffusion = {.steps = kTimesteps}}, {}, setting.shape,
              /*seed=*/1),
        trainer_(task_.phases().front(), world.communicator(), world.collectives(), watchdog_,
                 {.train = {.steps = 1'000'000, .accumulate = kMicroBatches},
                  .optimizer = {},
                  .ema = EmaConfig{}}) {
    for (int64_t i = 0; i < kMicroBatches; ++i) {
      const at::Tensor images = at::rand(
          {setting.batch, setting.shape.channels, setting.shape.height, setting.shape.width});
      const int64_t first = (world.rank() * kMicroBatches + i) * setting.batch;
      batches_.push_back({.images = (images * 2 - 1).contiguous(at::MemoryFormat::ChannelsLast),
                          .positions = at::arange(first, first + setting.batch, at::kLong)});
    }
  }

  void run(int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) {
      StepTimer clock;
      std::vector<PreparedBatch> prepared;
      for (const Batch& batch : batches_) prepared.push_back(task_.prepare(batch));
      trainer_.step(prepared, state_, clock);
      ++state_.step;
    }
  }

 private:
  Setting setting_;
  Watchdog watchdog_;
  DdpmTask task_;
  PhaseTrainer trainer_;
  std::vector<Batch> batches_;
  RunState state_;
};

/// Makes batches of images without an autograd graph.
class Sampling {
 public:
  explicit Sampling(const Setting& setting)
      : setting_(setting),
        network_(setting.model, {setting.shape.channels, setting.shape.channels}, /*seed=*/1) {}

  void run(const GaussianDiffusion& diffusion) {
    const at::NoGradGuard no_graph;
    const Denoise denoise = diffusion.denoise_by(
        [&](const at::Tensor& x, const at::Tensor& t) { return network_.forward(x, {.time = t}); });
    const NoiseSource noise = [&](int64_t) {
      return at::randn(
          {setting_.batch, setting_.shape.channels, setting_.shape.height, setting_.shape.width});
    };
    diffusion.sampler().sample(denoise, noise);
  }

 private:
  Setting setting_;
  Unet network_;
};

GaussianDiffusion diffusion_with(const std::vector<std::string>& overrides) {
  RunConfig config;
  config.diffusion.steps = kTimesteps;
  const Schema schema(config);
  for (const std::string& override : overrides) schema.set(parse_override(override));
  return GaussianDiffusion(config.diffusion, config.sampler);
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  gm::run_program([&](gm::World& world) {
    gm::require_wanted_kernel_set();
    if (argc < 5) throw gm::InputError("usage: network_speed train|sample|images DIM SIZE BATCH");
    const int64_t size = std::stoll(argv[3]), batch = std::stoll(argv[4]);
    if (batch % world.size() != 0) throw gm::InputError("the ranks cannot share {} images", batch);
    const gm::Setting setting{.model = {.dim = std::stoll(argv[2])},
                              .shape = {size, size, 3},
                              .batch = batch / world.size()};
    if (argv[1] == std::string("train")) {
      gm::Training training(setting, world);
      gm::bench::serve(world, [&](int64_t steps) { training.run(steps); });
      return gm::kExitDone;
    }
    gm::Sampling sampling(setting);
    if (argv[1] == std::string("sample")) {
      gm::bench::serve(
          world, [&](int64_t steps) { sampling.run(gm::GaussianDiffusion({.steps = steps})); });
    } else {
      const gm::GaussianDiffusion diffusion = gm::diffusion_with({argv + 5, argv + argc});
      gm::bench::serve(world, [&](int64_t batches) {
        while (batches-- > 0) sampling.run(diffusion);
      });
    }
    return gm::kExitDone;
  });
}
