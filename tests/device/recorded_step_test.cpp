// A whole step, recorded once as a graph and repeated with other inputs, equals eager steps to the
// bit: its losses are functions of tensors, and its optimizer reads its factors from a tensor.
#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>
#include <gtest/gtest.h>

#include "device/device_runs.h"
#include "device/operator.h"
#include "device/transfer.h"
#include "support/fake_device.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

/// Steps of a task by its own tensors, which stay at their places.
class RepeatedStep {
 public:
  explicit RepeatedStep(const char* task)
      : task_(device_task(task, fake_device::device())),
        phase_(task_->phases().front()),
        flat_(phase_.network->parameter_list()),
        batch_(task_->prepare(waves(0, 4))),
        factors_(at::zeros({8}, flat_.parameters().options())) {
    flat_.keep_average();
  }

  /// The inputs of step `step`: what the host does before each step.
  void set_inputs(int64_t step) {
    for (const auto& [name, tensor] : task_->prepare(waves(4 * step, 4)).tensors) {
      batch_.tensors.at(name).copy_(tensor);
    }
    const auto count = static_cast<float>(step + 1);
    factors_.copy_(upload(at::tensor({1.F, 0.1F, 0.9F, 0.1F, 1.F, 1e-4F, 0.01F / count, 0.5F}),
                          fake_device::device()));
  }

  void step() {
    flat_.zero_gradients();
    const at::Tensor total = phase_.loss(batch_).total;
    total.backward();
    loss_ = total.detach();
    static const Operator<void(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                               const at::Tensor&, const std::optional<at::Tensor>&,
                               const at::Tensor&)>
        adam("gm::adam_update");
    adam(flat_.parameters(), flat_.gradients(), flat_.first_moments(), flat_.second_moments(),
         flat_.ema(), factors_);
    phase_.network->invalidate_cache();
  }

  float loss() const { return loss_.item<float>(); }
  at::Tensor parameters() const { return flat_.parameters().cpu(); }
  at::Tensor ema() const { return flat_.ema().cpu(); }

 private:
  std::unique_ptr<Task> task_;
  Phase phase_;
  FlatParameters flat_;
  PreparedBatch batch_;
  at::Tensor factors_, loss_;
};

class RecordedStep : public testing::TestWithParam<const char*> {};

TEST_P(RecordedStep, EqualsEagerStepsToTheBit) {
  const c10::StreamGuard beside_the_default_stream(fake_device::new_stream());
  RepeatedStep eager(GetParam()), recorded(GetParam());
  recorded.set_inputs(0);
  const fake_device::Graph graph([&] { recorded.step(); });
  EXPECT_GT(graph.size(), 100U);
  for (int64_t step = 0; step < 30; ++step) {
    eager.set_inputs(step);
    recorded.set_inputs(step);
    eager.step();
    graph.replay();
    ASSERT_EQ(recorded.loss(), eager.loss()) << step;
  }
  EXPECT_TRUE(recorded.parameters().equal(eager.parameters()));
  EXPECT_TRUE(recorded.ema().equal(eager.ema()));
  fake_device::synchronize();
}

INSTANTIATE_TEST_SUITE_P(Tasks, RecordedStep,
                         testing::Values("ddpm", "palette", "class", "inpaint"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace gm
