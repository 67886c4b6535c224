#include "tasks/process_images.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/counter_noise.h"
#include "tasks/ddpm.h"

namespace gm {
namespace {

using testing::ElementsAre;

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
  EXPECT_THAT(strip_steps(3), ElementsAre(0, 1, 2)) << "each step once";
  EXPECT_THAT(strip_steps(1), ElementsAre(0));
  EXPECT_THAT(forward_process_labels(100),
              ElementsAre("t = 0", "t = 25", "t = 50", "t = 75", "t = 99"));
  EXPECT_THAT(reverse_process_labels(process_of(100).diffusion().sampler()),
              ElementsAre("t = 99", "t = 75", "t = 50", "t = 25", "t = 0"));
  EXPECT_THAT(reverse_process_labels(process_of(100, 10).diffusion().sampler()),
              ElementsAre("t = 99", "t = 79", "t = 59", "t = 29", "t = 9"));
}

/// The part number `part` of strips, of the noisy images (`row` = 0) or the clean ones (1).
at::Tensor part_of(const at::Tensor& strips, int64_t part, int64_t row) {
  return strips.narrow(3, 8 * part, 8).narrow(2, 8 * row, 8);
}

TEST(ProcessImages, ForwardPartsAreNoisyImagesAndWhatTheModelMakesOfThem) {
  DdpmTask task = process_of(20);
  const at::Tensor images = at::linspace(-1, 1, 2 * 64).view({2, 1, 8, 8});
  const at::Tensor positions = at::tensor({5, 9}, at::kLong);
  const at::Tensor strips =
      forward_process_images(task, {.images = images, .positions = positions}, /*seed=*/3);
  ASSERT_EQ(strips.sizes(), (at::IntArrayRef{2, 1, 2 * 8, 5 * 8}));
  const at::Tensor noise = counter_normal(3, Stream::kNoise, positions, 0, {1, 8, 8});
  for (int64_t part = 0; part < 5; ++part) {
    const int64_t t = strip_steps(20)[static_cast<size_t>(part)];
    const double kept = task.diffusion().schedule().alpha_bar[static_cast<size_t>(t)];
    const at::Tensor noisy = images * std::sqrt(kept) + noise * std::sqrt(1 - kept);
    EXPECT_TRUE(at::allclose(part_of(strips, part, 0), noisy, 1e-5, 1e-5)) << part;
    const at::Tensor clean = task.denoiser({})(noisy, at::full({2}, t, at::kLong));
    EXPECT_TRUE(at::allclose(part_of(strips, part, 1), clean, 1e-3, 1e-3)) << part;
  }
}

TEST(ProcessImages, ReversePartsBeginWithTheNoiseAndEndWithTheSample) {
  for (const auto& [sampled, parts] : {std::pair(0, 5), std::pair(7, 5), std::pair(2, 2)}) {
    DdpmTask task = process_of(20, sampled);
    const SamplingObserver ignore = [](int64_t, const at::Tensor&) {};
    const SampleRequest request{3, at::arange(2, at::kLong)};
    const at::Tensor strips = reverse_process_images(task, request, ignore);
    ASSERT_EQ(strips.sizes(), (at::IntArrayRef{2, 1, 2 * 8, parts * 8}));
    EXPECT_TRUE(at::equal(part_of(strips, 0, 0), task.noise(request)(20)));
    EXPECT_FALSE(at::allclose(part_of(strips, 0, 0), part_of(strips, 1, 0))) << "a column twice";
    // The last step of the sampler leads to the clean image that the model expects.
    const int64_t last = parts - 1;
    EXPECT_TRUE(at::allclose(part_of(strips, last, 1), task.sample(request, ignore)));
    EXPECT_FALSE(at::allclose(part_of(strips, last, 0).clamp(-1, 1), task.sample(request, ignore)));
  }
}

}  // namespace
}  // namespace gm
