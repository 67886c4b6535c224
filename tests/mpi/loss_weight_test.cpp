// The loss of a step is the mean over all samples of the world, also when batches hold different
// numbers of them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "comm/communicator.h"
#include "test_world.h"
#include "train/phase_trainer.h"

namespace gm {
namespace {

/// Loss: mean over the rows of w . x, so that the gradient is the mean row.
class RowNetwork : public Network {
 public:
  RowNetwork() : w(register_parameter("w", at::ones({3}))) {}
  void invalidate_cache() override {}
  at::Tensor w;
};

/// Micro-batch `m` of a rank: rank + 1 + 2 m rows, different everywhere.
at::Tensor rows_of(int64_t rank, int64_t m) {
  const int64_t count = rank + 1 + 2 * m;
  return at::arange(3 * count, at::kFloat).view({count, 3}).mul(0.01).add(rank + 0.1 * m);
}

class LossWeight : public testing::Test {
 protected:
  PhaseTrainer trainer() {
    const Phase phase{.name = "rows", .network = &network_, .loss = [this](const auto& batch) {
                        return Losses{.total = batch["rows"].matmul(network_.w).mean()};
                      }};
    return {phase,
            test_world().communicator(),
            test_world().collectives(),
            test_watchdog(),
            {.train = {.steps = 9}, .optimizer = {.learning_rate = 0.5}, .ema = std::nullopt}};
  }

  static std::vector<PreparedBatch> micro_batches(bool have_weights) {
    std::vector<PreparedBatch> batches;
    for (int64_t m = 0; m < 2; ++m) {
      const at::Tensor rows = rows_of(test_world().rank(), m);
      PreparedBatch& batch = batches.emplace_back();
      batch.tensors["rows"] = rows;
      if (have_weights) batch.weight = static_cast<double>(rows.size(0));
    }
    return batches;
  }

  at::Tensor all_rows() {
    std::vector<at::Tensor> rows;
    for (int64_t rank = 0; rank < test_world().size(); ++rank)
      for (int64_t m = 0; m < 2; ++m) rows.push_back(rows_of(rank, m));
    return at::cat(rows);
  }

  RowNetwork network_;
  StepTimer clock_;
};

TEST_F(LossWeight, AWeightedLossIsTheMeanOverAllRowsOfTheWorld) {
  PhaseTrainer rows = trainer();
  const at::Tensor mean_row = all_rows().mean(0);
  const PhaseResult result = rows.step(micro_batches(/*have_weights=*/true), {}, clock_);
  EXPECT_NEAR(result.loss, mean_row.sum().item<double>(), 1e-5);
  // After Adam's first step, the first moment is 1 - beta1 times the gradient.
  const at::Tensor gradient = rows.flat().first_moments().narrow(0, 0, 3) * 10;
  EXPECT_TRUE(at::allclose(gradient, mean_row, 1e-5)) << gradient << mean_row;
}

TEST_F(LossWeight, WithoutAWeightItIsTheMeanOverTheBatches) {
  PhaseTrainer rows = trainer();
  at::Tensor sum = at::zeros({3});
  for (int64_t rank = 0; rank < test_world().size(); ++rank)
    for (int64_t m = 0; m < 2; ++m) sum += rows_of(rank, m).mean(0);
  const at::Tensor mean_of_means = sum / (2 * test_world().size());
  const PhaseResult result = rows.step(micro_batches(/*have_weights=*/false), {}, clock_);
  EXPECT_NEAR(result.loss, mean_of_means.sum().item<double>(), 1e-5);
  EXPECT_FALSE(at::allclose(mean_of_means, all_rows().mean(0), 1e-3));
}

}  // namespace
}  // namespace gm
