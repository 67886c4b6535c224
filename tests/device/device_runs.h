/// Small training runs on any device, for comparison with the same runs on the CPU.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/watchdog.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"
#include "train/phase_trainer.h"

namespace gm {

constexpr ImageShape kDeviceShape{.height = 16, .width = 16, .channels = 3};

/// Masks of half an image: each image's own half.
inline at::Tensor half_masks(const at::Tensor& positions) {
  const at::Tensor masks = at::zeros({positions.size(0), 1, 16, 16});
  for (int64_t i = 0; i < positions.size(0); ++i) {
    masks[i].narrow(1, positions[i].item<int64_t>() % 2 * 8, 8).fill_(1);
  }
  return masks;
}

/// Waves of three classes that depend on the position alone, as the loader gives images.
inline Batch waves(int64_t first, int64_t count) {
  const at::Tensor positions = at::arange(first, first + count, at::kLong);
  const at::Tensor phases = at::linspace(0, 9, 16 * 16 * 3).view({1, 16, 16, 3});
  const at::Tensor images = (phases + positions.view({-1, 1, 1, 1})).sin();
  return {.images = images.permute({0, 3, 1, 2}),
          .labels = at::remainder(positions, 3),
          .positions = positions};
}

/// The tasks that run on every device: "ddpm", "velocity", "palette", "class",
/// "inpaint", "gan".
inline std::unique_ptr<Task> device_task(const std::string& name, at::Device device) {
  // Not width 8: with one channel per group, the gradient of a bias before the norm is only
  // rounding error.
  const ModelConfig model{.dim = 16, .dim_mults = {1, 2}};
  constexpr uint64_t kSeed = 5;
  if (name == "inpaint") {
    return std::make_unique<InpaintTask>(model, half_masks, kDeviceShape, kSeed, device);
  }
  if (name == "gan") {
    const GanConfig gan{.loss = GanLoss::kHinge,
                        .l1 = 1,
                        .feature_matching = 1,
                        .r1 = 1,
                        .r1_every = 2,
                        .dim = 8,
                        .spectral_norm = true};
    return std::make_unique<GanInpaintTask>(GanInpaintTask::Options{.model = model, .gan = gan},
                                            half_masks, kDeviceShape, kSeed, device);
  }
  DiffusionConfig diffusion{.steps = 5};
  SamplerConfig sampler;
  if (name == "velocity") {
    diffusion.prediction = PredictionKind::kVelocity;
    diffusion.loss_weight = LossWeightKind::kMinSnr;
    sampler = {.kind = "dpm++", .steps = 4};
  }
  if (name == "palette") diffusion.condition = DiffusionCondition::kInpaint;
  if (name == "class") {
    diffusion.condition = DiffusionCondition::kClass;
    diffusion.label_dropout = 0.3;
    sampler.guidance = 2;
  }
  return std::make_unique<DdpmTask>(
      DdpmTask::Options{.model = model,
                        .diffusion = diffusion,
                        .sampler = sampler,
                        .repaint = {.jump_length = 2, .resamplings = 2},
                        .classes = 3},
      half_masks, kDeviceShape, kSeed, device);
}

/// The phases of a task, trained on waves. A step has two micro-batches of all ranks.
class DeviceRun {
 public:
  static constexpr int64_t kBatch = 4, kMicroBatches = 2;

  DeviceRun(const std::string& task, at::Device device, Communicator& ranks,
            Collectives& collectives, Watchdog& watchdog,
            ReducerKind reducer = ReducerKind::kBucketed)
      : ranks_(ranks), task_(device_task(task, device)) {
    for (Phase& phase : task_->phases()) {
      phases_.push_back(std::make_unique<PhaseTrainer>(
          std::move(phase), ranks, collectives, watchdog,
          PhaseConfig{.train = {.steps = 100,
                                .batch_size = kBatch,
                                .accumulate = kMicroBatches,
                                .reducer = reducer},
                      .optimizer = {.learning_rate = 1e-3, .epsilon = 1e-4, .clip_norm = 1},
                      .ema = EmaConfig{.half_life_images = 50}}));
    }
  }

  /// One step. `poison` makes an image NaN.
  void step(bool poison = false) {
    std::vector<PreparedBatch> batches;
    for (int64_t m = 0; m < kMicroBatches; ++m) {
      const int64_t count = kBatch / ranks_.size();
      const int64_t first = (state_.step * kMicroBatches + m) * kBatch + ranks_.rank() * count;
      Batch batch = waves(first, count);
      if (poison) batch.images = batch.images * NAN;
      batches.push_back(task_->prepare(batch));
    }
    for (auto& phase : phases_) {
      StepTimer clock;
      results_.push_back(phase->step(batches, state_, clock));
    }
    ++state_.step;
    state_.samples += kBatch * kMicroBatches;
  }

  Task& task() { return *task_; }
  const std::vector<std::unique_ptr<PhaseTrainer>>& phases() const { return phases_; }
  /// Of all phases of all steps.
  const std::vector<PhaseResult>& results() const { return results_; }

 private:
  Communicator& ranks_;
  std::unique_ptr<Task> task_;
  std::vector<std::unique_ptr<PhaseTrainer>> phases_;
  std::vector<PhaseResult> results_;
  RunState state_;
};

/// `found` on the host is near `expected`, relative to its largest value.
inline testing::AssertionResult near(const at::Tensor& found, const at::Tensor& expected,
                                     double tolerance) {
  const double difference = (found.cpu() - expected).abs().max().item<double>();
  const double largest = expected.abs().max().item<double>();
  if (difference <= tolerance * largest) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "differs by " << difference << " of " << largest
                                     << " (relative " << difference / largest << ")";
}

}  // namespace gm
