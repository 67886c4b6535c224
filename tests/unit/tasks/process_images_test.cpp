#include "tasks/process_images.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ImageShape kProcessShape = {.height = 8, .width = 8, .channels = 1};
const ModelConfig kProcessModel = {.dim = 8, .dim_mults = {1}};

/// `sampled` is the number of steps of the sampler; 0: all.
DdpmTask process_of(int64_t steps, int64_t sampled = 0) {
  return {{.model = kProcessModel, .diffusion = {.steps = steps}, .sampler = {.steps = sampled}},
          {},
          kProcessShape,
          /*seed=*/1};
}

TEST(ProcessImages, LabelsAreTheTimestepsOfTheParts) {
  EXPECT_THAT(strip_steps(100), ElementsAre(0, 25, 50, 75, 99));
  EXPECT_THAT(forward_process_labels(100),
              ElementsAre("t = 0", "t = 25", "t = 50", "t = 75", "t = 99"));
  EXPECT_THAT(reverse_process_labels(process_of(100).diffusion().sampler()),
              ElementsAre("t = 99", "t = 75", "t = 50", "t = 25", "t = 0"));
  EXPECT_THAT(reverse_process_labels(process_of(100, 10).diffusion().sampler()),
              ElementsAre("t = 99", "t = 79", "t = 59", "t = 29", "t = 9"));
}

TEST(ProcessImages, ForwardPartsTurnIntoNoise) {
  const DdpmTask task = process_of(20);
  const at::Tensor images = at::full({2, 1, 8, 8}, 0.5);
  const at::Tensor strips = forward_process_images(task.diffusion(), images, /*seed=*/3);
  ASSERT_EQ(strips.sizes(), (at::IntArrayRef{2, 1, 8, 5 * 8}));
  double last = 0;
  for (int64_t part = 0; part < 5; ++part) {
    const double deviation = strips.narrow(3, 8 * part, 8).std().item<double>();
    EXPECT_GT(deviation, last) << part;
    last = deviation;
  }
}

TEST(ProcessImages, TheLastReversePartIsTheSample) {
  for (const int64_t sampled : {0, 7, 3}) {
    DdpmTask task = process_of(20, sampled);
    const SamplingObserver ignore = [](int64_t, const at::Tensor&) {};
    const at::Tensor indices = at::arange(2, at::kLong);
    const at::Tensor strips = reverse_process_images(task, /*seed=*/3, indices, ignore);
    ASSERT_EQ(strips.sizes(), (at::IntArrayRef{2, 1, 8, 5 * 8}));
    const at::Tensor samples = task.sample(3, indices, ignore);
    EXPECT_TRUE(at::allclose(strips.narrow(3, 4 * 8, 8).clamp(-1, 1), samples));
    EXPECT_FALSE(at::allclose(strips.narrow(3, 0, 8).clamp(-1, 1), samples));
  }
}

TEST(ProcessImages, OnlyATaskThatGeneratesFromNoiseHasAProcess) {
  InpaintTask inpaint(kProcessModel, {}, kProcessShape, /*seed=*/1);
  expect_error<InputError>([&] { require_process(inpaint, "--trajectory"); },
                           HasSubstr("--trajectory"));
}

}  // namespace
}  // namespace gm
