// Tasks train, sample and inpaint on a device as they do on the CPU, and the host waits for it only
// where it needs a result.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/world.h"
#include "device/device_runs.h"
#include "support/fake_device.h"
#include "tasks/process_images.h"

namespace gm {
namespace {

class OnADevice : public testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { fake_device::synchronize(); }

  DeviceRun run_on(at::Device device) {
    return DeviceRun(GetParam(), device, alone_, alone_, watchdog_);
  }

  World world_;
  Watchdog watchdog_{world_};
  SelfCommunicator alone_;
};

void expect_near(const PhaseResult& found, const PhaseResult& expected) {
  const auto compare = [](double a, double b, const std::string& name) {
    EXPECT_NEAR(a, b, 1e-6 + 2e-6 * std::abs(b)) << name;
  };
  compare(found.loss, expected.loss, "loss");
  ASSERT_EQ(found.loss_terms.size(), expected.loss_terms.size());
  for (size_t i = 0; i < found.loss_terms.size(); ++i) {
    EXPECT_EQ(found.loss_terms[i].first, expected.loss_terms[i].first);
    compare(found.loss_terms[i].second, expected.loss_terms[i].second, found.loss_terms[i].first);
  }
  EXPECT_NEAR(found.gradient_norm, expected.gradient_norm, 1e-4 * expected.gradient_norm);
}

TEST_P(OnADevice, TrainsWithTheLossesAndWeightsOfTheCpu) {
  DeviceRun cpu = run_on(at::kCPU), device = run_on(fake_device::device());
  for (int64_t step = 0; step < 5; ++step) {
    cpu.step(/*poison=*/step == 2);
    device.step(/*poison=*/step == 2);
  }
  for (size_t i = 0; i < cpu.results().size(); ++i) {
    SCOPED_TRACE(i);
    const bool is_poisoned = i / cpu.phases().size() == 2;
    EXPECT_EQ(cpu.results()[i].finite, !is_poisoned);
    EXPECT_EQ(device.results()[i].finite, !is_poisoned);
    if (!is_poisoned) expect_near(device.results()[i], cpu.results()[i]);
  }
  for (size_t p = 0; p < cpu.phases().size(); ++p) {
    const FlatParameters &expected = cpu.phases()[p]->flat(), &found = device.phases()[p]->flat();
    EXPECT_TRUE(near(found.parameters(), expected.parameters(), 1e-4));
    EXPECT_TRUE(near(found.ema(), expected.ema(), 1e-4));
    EXPECT_EQ(device.phases()[p]->updates(), cpu.phases()[p]->updates());
  }
}

/// A wait would leave the device without work while the host starts the next operators.
TEST_P(OnADevice, TheHostWaitsOnceForEachPhaseOfAStep) {
  DeviceRun run = run_on(fake_device::device());
  run.step();
  const fake_device::Counts counts = fake_device::counts_of([&] { run.step(); });
  const auto phases = static_cast<int64_t>(run.phases().size());
  EXPECT_THAT(counts.host_waits_by_name,
              testing::ElementsAre(testing::Pair("synchronize stream", phases)));
}

/// The sampling loop enlarges differences of rounding: its first step divides by a small signal.
TEST_P(OnADevice, GeneratesAndInpaintsTheImagesOfTheCpu) {
  const auto cpu = device_task(GetParam(), at::kCPU);
  const auto device = device_task(GetParam(), fake_device::device());
  const at::Tensor indices = at::arange(7, 10);
  if (cpu->image_generator()) {
    EXPECT_TRUE(near(device->image_generator()->sample({1, indices}, {}),
                     cpu->image_generator()->sample({1, indices}, {}), 1e-4));
  }
  ASSERT_TRUE(cpu->inpainter());
  const MaskedImages given{waves(7, 3).images, half_masks(indices)};
  EXPECT_TRUE(near(device->inpainter()->inpaint(given, 1, indices, {}),
                   cpu->inpainter()->inpaint(given, 1, indices, {}), 1e-4));
}

TEST_P(OnADevice, MeasuresTheLossesOfTheCpuAtATimestep) {
  const auto losses_on = [](at::Device device) {
    const auto task = device_task(GetParam(), device);
    DiffusionLosses* const losses = task->diffusion_losses();
    if (losses == nullptr) return at::zeros({1}, device);
    return losses->losses_at({.timestep = 2, .seed = 1}, waves(7, 3), half_masks);
  };
  const at::Tensor found = losses_on(fake_device::device());
  EXPECT_TRUE(found.is_privateuseone());
  EXPECT_TRUE(near(found, losses_on(at::kCPU), 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Tasks, OnADevice,
                         testing::Values("ddpm", "velocity", "palette", "class", "inpaint", "gan"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(ProcessImages, AreThoseOfTheCpu) {
  const auto forward = [](at::Device device) {
    const auto task = device_task("ddpm", device);
    Batch batch = waves(0, 2);
    batch.images = batch.images.to(device);
    return forward_process_images(*task->process(), batch, 3);
  };
  EXPECT_TRUE(near(forward(fake_device::device()), forward(at::kCPU), 1e-4));
  const auto reverse = [](at::Device device) {
    const auto task = device_task("ddpm", device);
    return reverse_process_images(*task->process(), {3, at::arange(2)},
                                  [](int64_t, const at::Tensor&) {});
  };
  EXPECT_TRUE(near(reverse(fake_device::device()), reverse(at::kCPU), 1e-4));
}

}  // namespace
}  // namespace gm
