// Runs steps of the GAN, or of one of its parts, on request: gm's side of gan_speed.py.
//
// Usage: gan_speed WORK DIM SIZE BATCH. serve.h describes the requests. WORK:
//
//   step           a whole step
//   generator      the U-Net alone, with its optimizer: a step of the task `inpaint`
//   discriminator_pass        forward and backward pass of the frozen discriminator, down to the
//   image discriminator  its phase with its optimizer, on images that exist already
#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/kernel_set.h"
#include "base/malloc_settings.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "serve.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"
#include "train/phase_trainer.h"

namespace gm {
namespace {

constexpr int64_t kMicroBatches = 2;

/// Masks the middle of the image, about a third of it.
MaskMaker middle_of(const ImageShape& shape) {
  return [shape](const at::Tensor& positions) {
    const at::Tensor masks = at::zeros({positions.size(0), 1, shape.height, shape.width});
    masks.narrow(2, shape.height / 5, shape.height * 3 / 5)
        .narrow(3, shape.width / 5, shape.width * 3 / 5)
        .fill_(1);
    return masks;
  };
}

std::vector<Batch> random_batches(const ImageShape& shape, int64_t count) {
  std::vector<Batch> batches;
  for (int64_t i = 0; i < kMicroBatches; ++i) {
    const at::Tensor images = at::rand({count, shape.channels, shape.height, shape.width});
    batches.push_back({.images = (images * 2 - 1).contiguous(at::MemoryFormat::ChannelsLast),
                       .labels = {},
                       .positions = at::arange(i * count, (i + 1) * count, at::kLong)});
  }
  return batches;
}

/// Runs some phases of a task like the trainer.
class Steps {
 public:
  Steps(Task& task, const std::vector<Phase>& phases, World& world, std::vector<Batch> batches)
      : task_(task), watchdog_(world), batches_(std::move(batches)) {
    for (const Phase& phase : phases) {
      const PhaseConfig config{
          .train = {.steps = 1'000'000, .accumulate = kMicroBatches},
          .optimizer = {},
          .ema = phase.name == "discriminator" ? std::optional<EmaConfig>() : EmaConfig{}};
      trainers_.push_back(std::make_unique<PhaseTrainer>(phase, world.communicator(),
                                                         world.collectives(), watchdog_, config));
    }
  }

  void run(int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) {
      StepTimer clock;
      std::vector<PreparedBatch> prepared;
      for (const Batch& batch : batches_) prepared.push_back(task_.prepare(batch));
      for (auto& trainer : trainers_) trainer->step(prepared, state_, clock);
      ++state_.step;
    }
  }

 private:
  Task& task_;
  Watchdog watchdog_;
  std::vector<Batch> batches_;
  std::vector<std::unique_ptr<PhaseTrainer>> trainers_;
  RunState state_;
};

/// The phase of the discriminator, on random images instead of images of the generator.
Phase discriminator_alone(Discriminator& network, const AdversarialLoss& loss) {
  return {.name = "discriminator", .network = &network, .loss = [&](const PreparedBatch& batch) {
            const at::Tensor& images = batch["images"];
            const int64_t count = images.size(0);
            const at::Tensor logits = network.forward(at::cat({images, images})).logits;
            return Losses{.total = loss.real_loss(logits.narrow(0, 0, count)) +
                                   loss.fake_loss(logits.narrow(0, count, count))};
          }};
}

/// The work of the discriminator in the phase of the generator.
void discriminate(Discriminator& network, const AdversarialLoss& loss,
                  const std::vector<Batch>& batches) {
  network.iterate_spectral_norms();
  for (const Batch& batch : batches) {
    const at::Tensor images = batch.images.detach().requires_grad_();
    const FrozenWeights frozen(network);
    loss.generator_loss(network.forward(images).logits).backward();
  }
}

int serve(World& world, const std::string& work, const ModelConfig& model, const ImageShape& shape,
          int64_t batch) {
  const std::vector<Batch> batches = random_batches(shape, batch);
  const GanConfig config;
  GanInpaintTask gan({model, config}, middle_of(shape), shape, /*seed=*/1);
  InpaintTask generator(model, middle_of(shape), shape, /*seed=*/1);
  Discriminator discriminator(
      {shape.channels, shape.height, shape.width, config.dim, config.patch, config.spectral_norm},
      /*seed=*/1);
  const AdversarialLoss loss(config.loss);
  std::vector<Phase> phases;
  if (work == "step") phases = gan.phases();
  if (work == "generator") phases = generator.phases();
  if (work == "discriminator") phases = {discriminator_alone(discriminator, loss)};
  Task& task = work == "generator" ? static_cast<Task&>(generator) : gan;
  Steps steps(task, phases, world, batches);
  bench::serve(world, [&](int64_t count) {
    if (work != "discriminator_pass") return steps.run(count);
    for (int64_t i = 0; i < count; ++i) discriminate(discriminator, loss, batches);
  });
  return kExitDone;
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  gm::run_program([&](gm::World& world) {
    gm::require_wanted_kernel_set();
    if (argc != 5) {
      throw gm::InputError(
          "usage: gan_speed step|generator|discriminator_pass|discriminator DIM SIZE BATCH");
    }
    const int64_t size = std::stoll(argv[3]), batch = std::stoll(argv[4]);
    return gm::serve(world, argv[1], {.dim = std::stoll(argv[2])}, {size, size, 3}, batch);
  });
}
