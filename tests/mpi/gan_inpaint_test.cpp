// A GAN on several ranks: results equal those of one rank, and a resumed run equals an
// uninterrupted one.
#include "tasks/gan_inpaint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "comm/communicator.h"
#include "support/test_world.h"
#include "train/phase_trainer.h"

namespace gm {
namespace {

constexpr int64_t kGanBatch = 8;  // of all ranks
constexpr int64_t kMicroBatches = 2;
constexpr ImageShape kGanShape = {.height = 8, .width = 8, .channels = 1};

/// Masks four rows, whose place depends on the position.
at::Tensor moving_masks(const at::Tensor& positions) {
  const at::Tensor masks = at::zeros({positions.size(0), 1, 8, 8});
  for (int64_t i = 0; i < positions.size(0); ++i) {
    masks[i].narrow(1, positions[i].item<int64_t>() % 4, 4).fill_(1);
  }
  return masks;
}

GanInpaintTask::Options options() {
  return {.model = {.dim = 16, .dim_mults = {1, 2}},
          .gan = {.loss = GanLoss::kHinge,
                  .l1 = 1,
                  .feature_matching = 1,
                  .r1 = 1,
                  .r1_every = 4,
                  .dim = 8}};
}

/// This rank's part of a micro-batch. The images depend only on their positions.
Batch share_of(int64_t micro_batch, const Communicator& ranks) {
  const int64_t count = kGanBatch / ranks.size();
  const int64_t first = micro_batch * kGanBatch + ranks.rank() * count;
  const at::Tensor positions = at::arange(first, first + count, at::kLong);
  const at::Tensor phases = at::linspace(0, 6, 64).view({1, 1, 8, 8});
  const at::Tensor images = (phases + positions.view({-1, 1, 1, 1})).sin();
  return {.images = images.contiguous(at::MemoryFormat::ChannelsLast), .positions = positions};
}

class GanRun {
 public:
  explicit GanRun(Communicator& ranks)
      : ranks_(ranks), task_(options(), moving_masks, kGanShape, /*seed=*/1) {
    for (const Phase& phase : task_.phases()) {
      phases_.push_back(std::make_unique<PhaseTrainer>(
          phase, ranks, ranks, test_watchdog(),
          PhaseConfig{.train = {.steps = 100, .accumulate = kMicroBatches},
                      .optimizer = {.learning_rate = 1e-3, .epsilon = 1e-4},
                      .ema = EmaConfig{}}));
    }
  }

  /// The loss terms of each step.
  std::vector<std::map<std::string, double>> train(int64_t steps) {
    std::vector<std::map<std::string, double>> curves;
    for (int64_t i = 0; i < steps; ++i, ++state_.step) {
      std::vector<PreparedBatch> batches;
      for (int64_t m = 0; m < kMicroBatches; ++m) {
        batches.push_back(task_.prepare(share_of(state_.step * kMicroBatches + m, ranks_)));
      }
      auto& terms = curves.emplace_back();
      for (auto& phase : phases_) {
        StepTimer clock;
        const PhaseResult outcome = phase->step(batches, state_, clock);
        terms[phase->phase().name] = outcome.loss;
        terms.insert(outcome.loss_terms.begin(), outcome.loss_terms.end());
      }
    }
    return curves;
  }

  /// A copy of the state, as a checkpoint contains it.
  std::vector<CheckpointTensors> saved() const {
    std::vector<CheckpointTensors> result;
    for (const auto& phase : phases_) {
      auto& files = result.emplace_back(phase->state());
      for (auto& [file, tensors] : files) {
        for (auto& [name, tensor] : tensors) tensor = tensor.clone();
      }
    }
    return result;
  }

  void resume_from(const std::vector<CheckpointTensors>& saved, int64_t steps) {
    for (size_t i = 0; i < phases_.size(); ++i) phases_[i]->restore(saved[i], steps, "folder");
    state_.step = steps;
  }

 private:
  Communicator& ranks_;
  GanInpaintTask task_;
  std::vector<std::unique_ptr<PhaseTrainer>> phases_;
  RunState state_;
};

TEST(GanOnRanks, EveryLossTermEqualsThatOfASingleRank) {
  SelfCommunicator alone;
  const auto expected = GanRun(alone).train(4),
             found = GanRun(test_world().communicator()).train(4);
  for (size_t step = 0; step < expected.size(); ++step) {
    ASSERT_EQ(found[step].size(), expected[step].size());
    for (const auto& [name, value] : expected[step]) {
      EXPECT_NEAR(found[step].at(name), value, 1e-4 * std::abs(value) + 1e-6) << name << step;
    }
  }
}

TEST(GanOnRanks, AnInterruptedRunEqualsAnUninterruptedOneToTheLastBit) {
  Communicator& ranks = test_world().communicator();
  GanRun whole(ranks), begun(ranks), resumed(ranks);
  whole.train(5);
  begun.train(2);
  resumed.resume_from(begun.saved(), 2);
  resumed.train(3);
  const auto expected = whole.saved(), found = resumed.saved();
  ASSERT_TRUE(expected[1].at("model").contains("head.weight_u"));
  for (size_t phase = 0; phase < expected.size(); ++phase) {
    for (const auto& [file, tensors] : expected[phase]) {
      for (const auto& [name, tensor] : tensors) {
        EXPECT_TRUE(tensor.equal(found[phase].at(file).at(name))) << file << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace gm
