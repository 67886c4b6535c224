// Trains a U-Net or samples from it, on request: gm's side of speed.py.
//
// Usage: network_speed train|sample DIM SIZE BATCH, alone or under mpirun. BATCH is the batch size
// of all ranks together. serve.h describes the requests.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>

#include <string>

#include "base/error.h"
#include "base/kernel_set.h"
#include "base/malloc_settings.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
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

/// Runs reverse steps without an autograd graph.
class Sampling {
 public:
  explicit Sampling(const Setting& setting)
      : setting_(setting),
        network_(setting.model, {setting.shape.channels, setting.shape.channels}, /*seed=*/1) {}

  void run(int64_t steps) {
    const at::NoGradGuard no_graph;
    GaussianDiffusion diffusion({.steps = steps});
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

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  gm::run_program([&](gm::World& world) {
    gm::require_wanted_kernel_set();
    if (argc != 5) throw gm::InputError("usage: network_speed train|sample DIM SIZE BATCH");
    const int64_t size = std::stoll(argv[3]), batch = std::stoll(argv[4]);
    if (batch % world.size() != 0) throw gm::InputError("the ranks cannot share {} images", batch);
    const gm::Setting setting{.model = {.dim = std::stoll(argv[2])},
                              .shape = {size, size, 3},
                              .batch = batch / world.size()};
    if (argv[1] == std::string("train")) {
      gm::Training training(setting, world);
      gm::bench::serve(world, [&](int64_t steps) { training.run(steps); });
    } else {
      gm::Sampling sampling(setting);
      gm::bench::serve(world, [&](int64_t steps) { sampling.run(steps); });
    }
    return gm::kExitDone;
  });
}
