// The hooks of a training run: samples or inpainted images, and evaluations.
#include "run/training_hooks.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "data/image_grid.h"
#include "eval/inpainting_evaluation.h"
#include "run/datasets.h"
#include "run/make_task.h"
#include "support/config_with.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

constexpr ImageShape kHooksShape{16, 16, 1};

class TrainingHooksTest : public testing::Test {
 protected:
  /// A run on twelve images. `holdout` is the fraction that is held out.
  RunConfig run_on_images(std::initializer_list<const char*> overrides, double holdout = 0) {
    RunConfig config = config_with(overrides);
    config.data.path = (folder_ / "images.h5").string();
    config.data.image_size = 16;
    config.model.dim = 8;
    config.model.dim_mults = {1, 2};
    config.diffusion.steps = 2;
    write_numbered_file(config.data.path, kHooksShape, 12, {}, 0, holdout);
    return config;
  }

  TemporaryFolder folder_;
  SelfCommunicator alone_;
};

TEST_F(TrainingHooksTest, SamplesOfADiffusionModelAreThoseOfTheRunsSeed) {
  const RunConfig config = run_on_images({"run.seed=4", "sample.count=3", "sample.batch_size=2"});
  const auto task = make_task(config, kHooksShape);
  const TrainingHooks hooks = make_training_hooks(config, *task, alone_);
  const at::Tensor expected =
      to_pixels(task->sample(4, at::arange(3, at::kLong), [](int64_t, const at::Tensor&) {}));
  const at::Tensor pixels = hooks.sample().images;
  EXPECT_EQ(pixels.sizes(), (at::IntArrayRef{3, 16, 16, 1}));
  EXPECT_LE((pixels.to(at::kInt) - expected.to(at::kInt)).abs().max().item<int>(), 1);
  EXPECT_FALSE(hooks.evaluate) << "evaluate.every is 0";
}

TEST_F(TrainingHooksTest, SamplesOfAnInpaintingTaskAreStripsOfOriginalMaskedAndInpainted) {
  const RunConfig config = run_on_images({"run.task=inpaint", "sample.count=4", "mask.kind=half"});
  const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
  const LabelledImages samples = make_training_hooks(config, *task, alone_).sample();
  EXPECT_THAT(samples.labels, testing::ElementsAre("original", "masked", "inpainted"));
  const at::Tensor& strips = samples.images;
  EXPECT_EQ(strips.sizes(), (at::IntArrayRef{4, 16, 3 * 16, 1}));
  const at::Tensor original = strips.narrow(2, 0, 16), filled = strips.narrow(2, 32, 16);
  EXPECT_EQ(original.eq(filled).sum({1, 2, 3}).ge(128).sum().item<int>(), 4) << "half is known";
  EXPECT_FALSE(original.equal(filled));
}

TEST_F(TrainingHooksTest, SamplesAreAtMostTheImagesOfTheDataset) {
  const RunConfig config = run_on_images({"run.task=inpaint", "sample.count=64"});
  const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
  EXPECT_EQ(make_training_hooks(config, *task, alone_).sample().images.size(0), 12);
}

TEST_F(TrainingHooksTest, AnEvaluationUsesHeldOutImagesAndTheWeightsOfItsMoment) {
  const RunConfig config = run_on_images(
      {"run.task=inpaint", "evaluate.every=1", "evaluate.count=100", "evaluate.seed=9"}, 0.4);
  const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
  const TrainingHooks hooks = make_training_hooks(config, *task, alone_);
  const auto held_out = open_dataset(config.data, std::nullopt, alone_);
  ASSERT_LT(held_out->size(), 12);

  const MaskedDataset masked(held_out, config.mask, 9);
  const auto measure = [&] {
    const DistributedRange work{.count = held_out->size(), .batch_size = 4};
    return evaluate_inpainting(inpaint_by(*task, "", 9), masked, work, alone_).all;
  };
  const EvaluationReport before = hooks.evaluate();
  EXPECT_EQ(before.images, held_out->size());
  EXPECT_EQ(before.figures.front().first, "psnr_masked");
  EXPECT_NEAR(before.figures.front().second, measure().values.front().second, 1e-4);

  const at::NoGradGuard no_gradients;
  for (const at::Tensor& parameter : task->sampled_network().parameters()) parameter.mul_(2);
  task->sampled_network().invalidate_cache();
  const EvaluationReport after = hooks.evaluate();
  EXPECT_GT(std::abs(after.figures.front().second - before.figures.front().second), 1e-3);
}

TEST_F(TrainingHooksTest, WarnsIfAndOnlyIfTheEvaluationUsesTrainingImages) {
  for (const double holdout : {0.0, 0.4}) {
    const RunConfig config = run_on_images({"run.task=inpaint", "evaluate.every=1"}, holdout);
    const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
    testing::internal::CaptureStderr();
    make_training_hooks(config, *task, alone_);
    const std::string output = testing::internal::GetCapturedStderr();
    EXPECT_EQ(output.find("no held-out images") != std::string::npos, holdout == 0) << output;
  }
}

}  // namespace
}  // namespace gm
