// One step of a phase, on a network whose gradient is known in closed form.
#include "train/phase_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "comm/world.h"
#include "support/expect_error.h"

namespace gm {
namespace {

/// Loss: mean over the batch of w . x, so that the gradient is the mean image.
class Dot : public Network {
 public:
  Dot() : w(register_parameter("w", at::zeros({4}))) {}
  void invalidate_cache() override { ++changes; }

  at::Tensor w;
  at::Tensor counter = register_buffer("counter", at::zeros({1}, at::kLong));
  int changes = 0;
};

class PhaseTrainerTest : public ::testing::Test {
 protected:
  PhaseTrainer make_trainer() {
    Phase phase{.name = "dot", .network = &network_, .loss = [this](const PreparedBatch& batch) {
                  const auto loss = batch["images"].matmul(network_.w).mean();
                  return Losses{.total = loss, .terms = {{"half", loss / 2}}};
                }};
    return {phase,
            communicator_,
            communicator_,
            watchdog_,
            {.train = train_, .optimizer = optimizer_, .ema = ema_}};
  }

  static PreparedBatch batch(const at::Tensor& images) {
    return {.positions = {}, .tensors = {{"images", images}}};
  }

  Dot network_;
  World world_;
  Watchdog watchdog_{world_};
  SelfCommunicator communicator_;
  TrainConfig train_{.steps = 10, .batch_size = 2, .accumulate = 2};
  OptimizerConfig optimizer_{.learning_rate = 0.5};
  std::optional<EmaConfig> ema_ = EmaConfig{.half_life_images = 4, .ramp = 0};
  StepTimer clock_;
};

TEST_F(PhaseTrainerTest, AveragesLossAndGradientOverMicroBatches) {
  auto trainer = make_trainer();
  network_.w.data().fill_(1.0);
  const auto first = at::tensor({1.F, 0.F, 0.F, 0.F, 3.F, 0.F, 0.F, 0.F}).view({2, 4});
  const auto second = at::tensor({0.F, 8.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F}).view({2, 4});
  const auto outcome = trainer.step({batch(first), batch(second)}, {}, clock_);

  EXPECT_DOUBLE_EQ(outcome.loss, (2.0 + 4.0) / 2);
  ASSERT_EQ(outcome.loss_terms.size(), 1U);
  EXPECT_EQ(outcome.loss_terms[0].first, "half");
  EXPECT_DOUBLE_EQ(outcome.loss_terms[0].second, 1.5);
  EXPECT_NEAR(outcome.gradient_norm, std::hypot(1.0, 2.0), 1e-6);  // a float32 sum
  EXPECT_DOUBLE_EQ(outcome.learning_rate, 0.5);
  // Adam's first step has the size of the learning rate wherever the gradient is not zero.
  EXPECT_TRUE(at::allclose(network_.w, at::tensor({0.5F, 0.5F, 1.F, 1.F}), 0, 1e-6));
  EXPECT_EQ(network_.changes, 1);
}

TEST_F(PhaseTrainerTest, TellsHowLongARankWorkedWithoutTheReduction) {
  auto trainer = make_trainer();
  clock_.lap("reduction");
  const auto outcome = trainer.step({batch(at::ones({2, 4}))}, {}, clock_);
  const auto& parts = clock_.parts();
  const auto work =
      std::ranges::find(parts, "forward_backward", &StepReport::Named::value_type::first);
  ASSERT_NE(work, parts.end());
  ASSERT_EQ(outcome.own_seconds.size(), 1U);
  EXPECT_DOUBLE_EQ(outcome.own_seconds[0], work->second);
  EXPECT_EQ(outcome.reduction.bytes, 0) << "there are no other ranks";
}

TEST_F(PhaseTrainerTest, ClipsTheWholeGradientToItsLargestNorm) {
  optimizer_.clip_norm = 2.5;
  auto trainer = make_trainer();
  const auto outcome =
      trainer.step({batch(at::tensor({3.F, 4.F, 0.F, 0.F}).view({1, 4}))}, {}, clock_);
  EXPECT_DOUBLE_EQ(outcome.gradient_norm, 5.0);
  // After Adam's first step, the first moment is 1 - beta1 times the gradient.
  const auto applied = trainer.flat().named_views(trainer.flat().first_moments())[0].second;
  EXPECT_TRUE(at::allclose(applied, at::tensor({1.5F, 2.F, 0.F, 0.F}) * 0.1, 1e-5, 0));
}

TEST_F(PhaseTrainerTest, KeepsTheWeightsIfAnythingIsNotFinite) {
  auto trainer = make_trainer();
  const auto before = network_.w.detach().clone();
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto outcome = trainer.step({batch(at::full({2, 4}, bad))}, {}, clock_);
    EXPECT_FALSE(outcome.finite);
    EXPECT_TRUE(at::equal(network_.w, before));
  }
  EXPECT_TRUE(trainer.step({batch(at::ones({2, 4}))}, {}, clock_).finite);
  EXPECT_FALSE(at::equal(network_.w, before));
}

TEST_F(PhaseTrainerTest, UsesTheMovingAverageOnlyInsideTheScope) {
  auto trainer = make_trainer();
  // samples_per_step = half_life: the average moves half the way from 0 to -0.5.
  trainer.step({batch(at::ones({2, 4}))}, {}, clock_);
  const auto trained = network_.w.detach().clone();
  {
    const PhaseTrainer::UseEma use_ema(trainer);
    EXPECT_TRUE(at::allclose(network_.w, trained / 2, 1e-6, 0));
  }
  EXPECT_TRUE(at::equal(network_.w, trained));
  EXPECT_EQ(network_.changes, 3) << "one update, one switch to the average and one back";
}

/// The next step depends only on what a checkpoint stores.
TEST_F(PhaseTrainerTest, ResumesFromItsStateExactly) {
  optimizer_.warmup_steps = 5;
  const auto train = [&](PhaseTrainer& trainer, int64_t begin, int64_t end) {
    for (int64_t step = begin; step < end; ++step) {
      const RunState state{.step = step, .samples = 4 * step};
      trainer.step({batch(at::full({2, 4}, static_cast<double>(step + 1)))}, state, clock_);
    }
  };
  auto whole = make_trainer();
  train(whole, 0, 3);
  CheckpointTensors saved;  // copies, as a file would be
  for (const auto& [file, tensors] : whole.state()) {
    for (const auto& [name, tensor] : tensors) saved[file][name] = tensor.clone();
  }
  EXPECT_TRUE(saved.at("optimizer").contains("w.exp_avg"));
  EXPECT_TRUE(saved.at("optimizer").contains("w.exp_avg_sq"));
  train(whole, 3, 8);

  auto resumed = make_trainer();
  train(resumed, 0, 1);  // a state that differs from the restored one
  resumed.restore(saved, 3, "step-00000003");
  EXPECT_EQ(resumed.updates(), 3);
  train(resumed, 3, 8);
  for (const auto& [file, tensors] : whole.state()) {
    for (const auto& [name, tensor] : tensors) {
      EXPECT_TRUE(at::equal(tensor, resumed.state().at(file).at(name))) << file << " " << name;
    }
  }
}

TEST_F(PhaseTrainerTest, KeepsNoAverageUnlessConfigured) {
  ema_.reset();
  auto trainer = make_trainer();
  trainer.step({batch(at::ones({2, 4}))}, {}, clock_);
  EXPECT_FALSE(trainer.flat().ema().defined());
  EXPECT_FALSE(trainer.state().contains("ema"));
  const auto before = network_.w.detach().clone();
  trainer.restore(trainer.state(), trainer.updates(), "here");
  EXPECT_TRUE(at::equal(network_.w, before));
}

TEST_F(PhaseTrainerTest, HashDependsOnParametersAndBuffers) {
  auto trainer = make_trainer();
  const std::string before = trainer.hash();
  network_.counter.add_(1);
  const std::string counted = trainer.hash();
  EXPECT_NE(counted, before);
  network_.w.data().add_(1);
  EXPECT_NE(trainer.hash(), counted);
}

TEST_F(PhaseTrainerTest, RefusesAnIncompleteState) {
  auto trainer = make_trainer();
  auto saved = trainer.state();
  saved.erase("optimizer");
  expect_error<InputError>([&] { trainer.restore(saved, 1, "here"); },
                           ::testing::HasSubstr("here: optimizer of"));
  saved = trainer.state();
  saved.at("optimizer").erase("w.exp_avg_sq");
  expect_error<InputError>([&] { trainer.restore(saved, 1, "here"); },
                           ::testing::HasSubstr("missing: w.exp_avg_sq"));
}

TEST_F(PhaseTrainerTest, ReportsTheTimeOfItsParts) {
  auto trainer = make_trainer();
  trainer.step({batch(at::ones({2, 4}))}, {}, clock_);
  std::vector<std::string> names;
  for (const auto& [name, seconds] : clock_.parts()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"forward_backward", "reduction", "optimizer"}));
}

}  // namespace
}  // namespace gm
