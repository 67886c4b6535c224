// The diffusion task: its loss for a batch, its samples, and both of its inpainting methods.
#include "tasks/ddpm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

#include "base/enum_names.h"
#include "base/error.h"
#include "diffusion/counter_noise.h"
#include "diffusion/guidance.h"
#include "support/expect_error.h"

namespace gm {
namespace {

constexpr ImageShape kDdpmShape = {.height = 8, .width = 8, .channels = 1};
constexpr uint64_t kDdpmSeed = 3;

DdpmTask::Options ddpm_options(DiffusionCondition condition = DiffusionCondition::kNone) {
  return {.model = {.dim = 8, .dim_mults = {1, 2}},
          .diffusion = {.steps = 4, .condition = condition},
          .repaint = {.jump_length = 2, .resamplings = 2},
          .classes = 3};
}

constexpr std::array kConditions{DiffusionCondition::kNone, DiffusionCondition::kInpaint,
                                 DiffusionCondition::kClass};

at::Tensor left_half(const at::Tensor& positions) {
  const at::Tensor masks = at::zeros({positions.size(0), 1, 8, 8});
  masks.narrow(3, 0, 4).fill_(1);
  return masks;
}

Batch ramps(int64_t first, int64_t count) {
  const at::Tensor positions = at::arange(first, first + count, at::kLong);
  const at::Tensor images =
      (at::linspace(-1, 1, 64).view({1, 1, 8, 8}) / (positions.view({-1, 1, 1, 1}) + 1));
  return {.images = images.contiguous(at::MemoryFormat::ChannelsLast),
          .labels = at::remainder(positions, 3),
          .positions = positions};
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
  for (const DiffusionCondition condition : kConditions) {
    SCOPED_TRACE(name_of(condition));
    DdpmTask task(ddpm_options(condition), left_half, kDdpmShape, kDdpmSeed);
    const at::Tensor parts = at::stack({loss_of(task, ramps(8, 2)), loss_of(task, ramps(10, 2))});
    EXPECT_TRUE(at::allclose(loss_of(task, ramps(8, 4)), parts.mean(), 1e-5));
  }
}

/// A network that predicts no noise leaves the noise itself as its error.
TEST(DdpmTask, LossesAtATimestepAreThoseOfTheirKeyedNoise) {
  DdpmTask::Options options = ddpm_options();
  options.diffusion.loss = DiffusionLoss::kL2;
  DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
  for (const at::Tensor& parameter : task.sampled_network().parameters()) {
    parameter.detach().zero_();
  }
  task.sampled_network().invalidate_cache();
  const Batch batch = ramps(5, 3);
  const auto losses_at = [&](int64_t timestep, uint64_t seed, const Batch& of) {
    return task.losses_at({.timestep = timestep, .seed = seed}, of, {});
  };
  const at::Tensor losses = losses_at(2, 9, batch);
  const at::Tensor noise =
      counter_normal(9, Stream::kEvaluationNoise, batch.positions, 2, {1, 8, 8});
  EXPECT_TRUE(at::allclose(losses, noise.square().mean({1, 2, 3})));
  EXPECT_FALSE(losses.requires_grad());
  EXPECT_FALSE(at::allclose(losses_at(1, 9, batch), losses)) << "another timestep";
  EXPECT_FALSE(at::allclose(losses_at(2, 8, batch), losses)) << "another seed";
  EXPECT_TRUE(at::allclose(losses_at(2, 9, ramps(6, 1)), losses.narrow(0, 1, 1)));
}

TEST(DdpmTask, LossesOfAConditionedNetworkDependOnTheMasksThatAreGiven) {
  DdpmTask task(ddpm_options(DiffusionCondition::kInpaint), {}, kDdpmShape, kDdpmSeed);
  const Batch batch = ramps(0, 2);
  const auto losses_with = [&](const MaskMaker& masks) {
    return task.losses_at({.timestep = 1}, batch, masks);
  };
  const auto right_half = [](const at::Tensor& positions) { return 1 - left_half(positions); };
  EXPECT_FALSE(at::allclose(losses_with(left_half), losses_with(right_half)));

  auto& network = dynamic_cast<Denoiser&>(task.sampled_network());
  const at::Tensor noise =
      counter_normal(0, Stream::kEvaluationNoise, batch.positions, 1, {1, 8, 8});
  const at::Tensor t = at::full({2}, 1, at::kLong);
  const at::NoGradGuard no_gradients;
  const at::Tensor predicted =
      network.forward(task.diffusion().levels().add_noise(batch.images, t, noise),
                      {.time = t, .image = network_input({batch.images, left_half(t)})});
  EXPECT_TRUE(at::allclose(losses_with(left_half), (predicted - noise).abs().mean({1, 2, 3})));
}

TEST(DdpmTask, ASampleDependsOnSeedAndIndexAlone) {
  DdpmTask task(ddpm_options(), {}, kDdpmShape, kDdpmSeed);
  const at::Tensor four = task.sample({7, at::arange(4, at::kLong)}, kNoObserver);
  EXPECT_EQ(four.sizes(), (at::IntArrayRef{4, 1, 8, 8}));
  EXPECT_LE(four.abs().max().item<float>(), 1);
  const at::Tensor one = task.sample({7, at::full({1}, 2, at::kLong)}, kNoObserver);
  // Matrix products of other sizes are rounded differently.
  EXPECT_LT((one - four.narrow(0, 2, 1)).abs().max().item<float>(), 1e-5);
  EXPECT_FALSE(
      at::allclose(task.sample({8, at::arange(4, at::kLong)}, kNoObserver), four, 1e-3, 1e-3));
}

TEST(DdpmTask, InpaintsOnlyMaskedPixelsInBothWays) {
  for (const DiffusionCondition condition : kConditions) {
    SCOPED_TRACE(name_of(condition));
    DdpmTask task(ddpm_options(condition), left_half, kDdpmShape, kDdpmSeed);
    const Batch batch = ramps(0, 2);
    const MaskedImages masked_images{batch.images, left_half(batch.positions)};
    const at::Tensor filled = task.inpaint(masked_images, 1, batch.positions, kNoObserver);
    const at::Tensor known = masked_images.masks.eq(0);
    EXPECT_TRUE(at::equal(filled.masked_select(known), batch.images.masked_select(known)));
    EXPECT_FALSE(at::equal(filled, batch.images));
    EXPECT_LE(filled.abs().max().item<float>(), 1);
    // Masked pixels are ignored.
    const MaskedImages other{at::where(known, batch.images, -batch.images), masked_images.masks};
    EXPECT_TRUE(at::equal(task.inpaint(other, 1, batch.positions, kNoObserver), filled));
  }
}

TEST(DdpmTask, AConditionedNetworkMakesNoSamples) {
  DdpmTask task(ddpm_options(DiffusionCondition::kInpaint), left_half, kDdpmShape, kDdpmSeed);
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
  for (const DiffusionCondition condition : kConditions) {
    SCOPED_TRACE(name_of(condition));
    DdpmTask::Options options = ddpm_options(condition);
    options.diffusion.steps = 9;
    options.sampler = {.kind = "dpm++", .steps = 3};
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
    EXPECT_EQ(seen, (std::vector<int64_t>{8, 5, 2}));
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
  for (const std::string& sampler : sampler_names()) {
    DdpmTask::Options options = ddpm_options();
    options.sampler.kind = sampler;
    DdpmTask task(options, {}, kDdpmShape, kDdpmSeed);
    const at::Tensor rows = at::tensor({0, 0, 0, 1}, at::kLong);
    const SampleRequest::Interpolation toward{8, at::tensor({0.0, 0.5, 1.0, 1.0}, at::kDouble)};
    const at::Tensor path = task.sample({7, rows, toward}, kNoObserver);
    const at::Tensor first = task.sample({7, rows}, kNoObserver);
    const at::Tensor last = task.sample({8, rows}, kNoObserver);
    EXPECT_TRUE(at::equal(path[0], first[0])) << sampler;
    EXPECT_FALSE(at::allclose(path[1], first[1], 1e-3, 1e-3)) << sampler;
    // The noise that ancestral sampling adds in each step is that of the first seed everywhere.
    const bool ends_at_the_other = sampler != "ancestral";
    EXPECT_EQ(at::equal(path[2], last[2]), ends_at_the_other) << sampler;
    EXPECT_EQ(at::equal(path[3], last[3]), ends_at_the_other) << sampler;
  }
}

TEST(DdpmTask, ObserverSeesEveryStepOfSampling) {
  DdpmTask task(ddpm_options(), {}, kDdpmShape, kDdpmSeed);
  std::vector<int64_t> steps;
  task.sample({0, at::arange(1, at::kLong)},
              [&](int64_t t, const at::Tensor&) { steps.push_back(t); });
  EXPECT_EQ(steps, (std::vector<int64_t>{3, 2, 1, 0}));
}

/// A task with three classes.
class ClassTask : public testing::Test {
 protected:
  std::unique_ptr<DdpmTask> make(const SamplerConfig& sampler = {}, double label_dropout = 0.5) {
    DdpmTask::Options options = ddpm_options(DiffusionCondition::kClass);
    options.diffusion.label_dropout = label_dropout;
    options.sampler = sampler;
    return std::make_unique<DdpmTask>(options, MaskMaker{}, kDdpmShape, kDdpmSeed);
  }
  at::Tensor sample(const SamplerConfig& sampler) {
    return make(sampler)->sample({7, indices_}, kNoObserver);
  }
  /// Samples of a network that is given `labels`, without guidance.
  at::Tensor sample_of(const at::Tensor& labels) {
    const auto task = make();
    auto& network = dynamic_cast<Denoiser&>(task->sampled_network());
    const Denoise denoise =
        task->diffusion().denoise_by([&](const at::Tensor& x, const at::Tensor& t) {
          return network.forward(x, {.time = t, .labels = labels});
        });
    return task->diffusion()
        .sampler()
        .sample(denoise, counter_sampling_noise(7, indices_, {1, 8, 8}))
        .clamp(-1, 1);
  }

  const at::Tensor indices_ = at::arange(5, 10);
};

TEST_F(ClassTask, TrainsWithTheLabelsOfTheBatchSomeOfThemDropped) {
  const auto task = make();
  const PreparedBatch batch = task->prepare(ramps(5, 12));
  const at::Tensor positions = at::arange(5, 17);
  const at::Tensor labels = drop_labels(at::remainder(positions, 3), positions,
                                        {.seed = kDdpmSeed, .probability = 0.5, .null_class = 3});
  EXPECT_TRUE(batch["labels"].equal(labels));
  EXPECT_TRUE(labels.eq(3).any().item<bool>());
  auto& network = dynamic_cast<Denoiser&>(task->sampled_network());
  const at::Tensor noisy =
      task->diffusion().levels().add_noise(batch["images"], batch["timesteps"], batch["noise"]);
  const at::Tensor predicted =
      network.forward(noisy, {.time = batch["timesteps"], .labels = labels});
  EXPECT_TRUE(at::allclose(task->phases().front().loss(batch).total,
                           (predicted - batch["noise"]).abs().mean()));
}

TEST_F(ClassTask, MakesEachClassInTurnOrTheChosenOne) {
  EXPECT_EQ(make()->classes(), 3);
  EXPECT_TRUE(make()->labels(indices_).equal(at::tensor({2, 0, 1, 2, 0}, at::kLong)));
  EXPECT_TRUE(make({.label = 1})->labels(indices_).equal(at::full({5}, 1)));
  EXPECT_TRUE(sample({}).equal(sample_of(at::tensor({2, 0, 1, 2, 0}, at::kLong))));
  EXPECT_TRUE(sample({.label = 1}).equal(sample_of(at::full({5}, 1))));
}

TEST_F(ClassTask, GuidanceZeroIgnoresTheClassAndMoreIsAnotherImage) {
  EXPECT_TRUE(sample({.label = 1, .guidance = 0}).equal(sample_of(at::full({5}, 3))));
  EXPECT_FALSE(sample({.label = 1, .guidance = 3}).allclose(sample({.label = 1}), 1e-3, 1e-3));
}

TEST_F(ClassTask, AGuidedSampleDependsOnItsIndexAlone) {
  const SamplerConfig sampler{.guidance = 2};
  EXPECT_TRUE(make(sampler)
                  ->sample({7, at::tensor({7}, at::kLong)}, kNoObserver)
                  .allclose(sample(sampler).narrow(0, 2, 1), 1e-4, 1e-5));
}

TEST_F(ClassTask, InpaintsWithoutAClassOrWithTheChosenOne) {
  const MaskedImages given{ramps(0, 5).images, left_half(indices_)};
  const auto inpainted = [&](const SamplerConfig& sampler) {
    return make(sampler)->inpaint(given, 7, indices_, kNoObserver);
  };
  EXPECT_TRUE(inpainted({.label = 1, .guidance = 0}).equal(inpainted({})));
  EXPECT_FALSE(inpainted({.label = 1}).equal(inpainted({})));
  EXPECT_FALSE(inpainted({.label = 1}).equal(inpainted({.label = 2})));
}

TEST_F(ClassTask, InpaintingWithoutAClassMustHaveBeenLearned) {
  make({.label = 1}, /*label_dropout=*/0)->check_inpainting();
  expect_error<InputError>([&] { make({}, 0)->check_inpainting(); },
                           testing::HasSubstr("give the class of the images from 0 to 2"));
}

TEST_F(ClassTask, InpaintingWithGuidanceNeedsAClass) {
  make({.label = 1, .guidance = 3})->check_inpainting();
  expect_error<InputError>([&] { make({.guidance = 3})->check_inpainting(); },
                           testing::HasSubstr("sampler.guidance is 3, but sampler.class is -1"));
}

TEST_F(ClassTask, RefusesAClassThatTheModelDoesNotHave) {
  expect_error<InputError>([&] { make({.label = 3}); },
                           testing::HasSubstr("sampler.class is 3, but the model has 3 classes"));
}

}  // namespace
}  // namespace gm
