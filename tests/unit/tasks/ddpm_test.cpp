// The diffusion task: its loss for a batch, its samples, and both of its inpainting methods.
#include "tasks/ddpm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/enum_names.h"
#include "base/error.h"
#include "diffusion/counter_noise.h"
#include "support/expect_error.h"

namespace gm {
namespace {

constexpr ImageShape kDdpmShape = {.height = 8, .width = 8, .channels = 1};
constexpr uint64_t kDdpmSeed = 3;

DdpmTask::Options ddpm_options(const std::string& condition = "none") {
  return {.model = {.dim = 8, .dim_mults = {1, 2}},
          .diffusion = {.steps = 4, .condition = condition},
          .repaint = {.jump_length = 2, .resamplings = 2}};
}

at::Tensor left_half(const at::Tensor& positions) {
  const at::Tensor masks = at::zeros({positions.size(0), 1, 8, 8});
  masks.narrow(3, 0, 4).fill_(1);
  return masks;
}

Batch ramps(int64_t first, int64_t count) {
  const at::Tensor positions = at::arange(first, first + count, at::kLong);
  const at::Tensor images =
      (at::linspace(-1, 1, 64).view({1, 1, 8, 8}) / (positions.view({-1, 1, 1, 1}) + 1));
  return {.images = images.contiguous(at::MemoryFormat::ChannelsLast), .positions = positions};
}

at::Tensor loss_of(DdpmTask& task, const Batch& batch) {
  return task.phases().front().loss(task.prepare(batch)).total.detach();
}

const SamplingObserver kNoObserver = [](int64_t, const at::Tensor&) {};

TEST(DdpmTask, LossIsTheMeanAbsoluteErrorOfTheNoiseOfEachPosition) {
  DdpmTask task(ddpm_options(), {}, kDdpmShape, kDdpmSeed);
  const Batch batch = ramps(5, 3);
  const at::Tensor noise = counter_normal(kDdpmSeed, Stream::kNoise, batch.positions, 0, {1, 8, 8});
  const at::Tensor t = counter_timesteps(kDdpmSeed, batch.positions, 4);
  auto& network = dynamic_cast<Denoiser&>(task.sampled_network());
  const at::Tensor predicted =
      network.forward(task.diffusion().levels().add_noise(batch.images, t, noise), {.time = t});
  EXPECT_TRUE(at::allclose(loss_of(task, batch), (predicted - noise).abs().mean()));
}

TEST(DdpmTask, LossOfABatchIsTheMeanOverItsParts) {
  for (const char* condition : {"none", "inpaint"}) {
    DdpmTask task(ddpm_options(condition), left_half, kDdpmShape, kDdpmSeed);
    const at::Tensor parts = at::stack({loss_of(task, ramps(8, 2)), loss_of(task, ramps(10, 2))});
    EXPECT_TRUE(at::allclose(loss_of(task, ramps(8, 4)), parts.mean(), 1e-5)) << condition;
  }
}

TEST(DdpmTask, ASampleDependsOnSeedAndIndexAlone) {
  DdpmTask task(ddpm_options(), {}, kDdpmShape, kDdpmSeed);
  const at::Tensor four = task.sample({7, at::arange(4, at::kLong)}, kNoObserver);
  EXPECT_EQ(four.sizes(), (at::IntArrayRef{4, 1, 8, 8}));
  EXPECT_LE(four.abs().max().item<float>(), 1);
  const at::Tensor one = task.sample({7, at::full({1}, 2, at::kLong)}, kNoObserver);
  EXPECT_TRUE(at::allclose(one, four.narrow(0, 2, 1), 1e-5, 1e-6));
  EXPECT_FALSE(
      at::allclose(task.sample({8, at::arange(4, at::kLong)}, kNoObserver), four, 1e-3, 1e-3));
}

TEST(DdpmTask, InpaintsOnlyMaskedPixelsInBothWays) {
  for (const char* condition : {"none", "inpaint"}) {
    DdpmTask task(ddpm_options(condition), left_half, kDdpmShape, kDdpmSeed);
    const Batch batch = ramps(0, 2);
    const MaskedImages masked_images{batch.images, left_half(batch.positions)};
    const at::Tensor filled = task.inpaint(masked_images, 1, batch.positions, kNoObserver);
    const at::Tensor known = masked_images.masks.eq(0);
    EXPECT_TRUE(at::equal(filled.masked_select(known), batch.images.masked_select(known)))
        << condition;
    EXPECT_FALSE(at::equal(filled, batch.images)) << condition;
    EXPECT_LE(filled.abs().max().item<float>(), 1) << condition;
    // Masked pixels are ignored.
    const MaskedImages other{at::where(known, batch.images, -batch.images), masked_images.masks};
    EXPECT_TRUE(at::equal(task.inpaint(other, 1, batch.positions, kNoObserver), filled))
        << condition;
  }
}

TEST(DdpmTask, AConditionedNetworkMakesNoSamples) {
  DdpmTask task(ddpm_options("inpaint"), left_half, kDdpmShape, kDdpmSeed);
  EXPECT_EQ(task.image_generator(), nullptr);
  EXPECT_NE(task.inpainter(), nullptr);
}

TEST(DdpmTask, RefusesJumpsThatDoNotFitTheProcess) {
  DdpmTask::Options options = ddpm_options();
  options.repaint.jump_length = 5;
  DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
  expect_error<InputError>([&] { task.check_inpainting(); },
                           testing::HasSubstr("repaint.jump_length"));
}

TEST(DdpmTask, SamplesAndInpaintsWithTheConfiguredSampler) {
  for (const char* condition : {"none", "inpaint"}) {
    DdpmTask::Options options = ddpm_options(condition);
    options.diffusion.steps = 9;
    options.sampler = {.kind = SamplerKind::kDpmSolver, .steps = 3};
    options.repaint.resamplings = 1;
    DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
    const at::Tensor indices = at::arange(2, at::kLong);
    std::vector<int64_t> seen;
    const SamplingObserver note = [&](int64_t t, const at::Tensor&) { seen.push_back(t); };
    if (ImageGenerator* const generator = task.image_generator()) {
      generator->sample({7, indices}, note);
    } else {
      task.inpaint({.images = ramps(0, 2).images, .masks = left_half(indices)}, 7, indices, note);
    }
    EXPECT_EQ(seen, (std::vector<int64_t>{8, 5, 2})) << condition;
  }
}

TEST(DdpmTask, RefusesASamplerOrJumpsThatDoNotFitTheProcess) {
  DdpmTask::Options options = ddpm_options();
  options.sampler.steps = 5;
  expect_error<InputError>([&] { DdpmTask(options, {}, kDdpmShape, kDdpmSeed); },
                           testing::HasSubstr("sampler.steps is 5"));
  options.sampler.steps = 2;  // as many as a jump
  const DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
  expect_error<InputError>([&] { task.check_inpainting(); },
                           testing::HasSubstr("repaint.jump_length is 2"));
}

TEST(DdpmTask, InterpolationLeadsFromTheImagesOfOneSeedToThoseOfAnother) {
  using enum SamplerKind;
  for (const auto sampler : {kDdim, kDpmSolver, kAncestral}) {
    DdpmTask::Options options = ddpm_options();
    options.sampler.kind = sampler;
    DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
    const at::Tensor rows = at::tensor({0, 0, 0, 1}, at::kLong);
    const SampleRequest::Interpolation toward{8, at::tensor({0.0, 0.5, 1.0, 1.0}, at::kDouble)};
    const at::Tensor path = task.sample({7, rows, toward}, kNoObserver);
    const at::Tensor first = task.sample({7, rows}, kNoObserver);
    const at::Tensor last = task.sample({8, rows}, kNoObserver);
    EXPECT_TRUE(at::equal(path[0], first[0])) << name_of(sampler);
    EXPECT_FALSE(at::allclose(path[1], first[1], 1e-3, 1e-3)) << name_of(sampler);
    // The noise that ancestral sampling adds in each step is that of the first seed everywhere.
    const bool ends_at_the_other = sampler != kAncestral;
    EXPECT_EQ(at::equal(path[2], last[2]), ends_at_the_other) << name_of(sampler);
    EXPECT_EQ(at::equal(path[3], last[3]), ends_at_the_other) << name_of(sampler);
  }
}

TEST(DdpmTask, ObserverSeesEveryStepOfSampling) {
  DdpmTask task(ddpm_options(), {}, kDdpmShape, kDdpmSeed);
  std::vector<int64_t> steps;
  task.sample({0, at::arange(1, at::kLong)},
              [&](int64_t t, const at::Tensor&) { steps.push_back(t); });
  EXPECT_EQ(steps, (std::vector<int64_t>{3, 2, 1, 0}));
}

}  // namespace
}  // namespace gm
