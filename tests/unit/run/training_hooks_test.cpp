// The hooks of a training run: samples or inpainted images, and evaluations.
#include "run/training_hooks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "eval/inpainting_evaluation.h"
#include "eval/masked_dataset.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "run/evaluation_table.h"
#include "run/make_task.h"
#include "run/training_options.h"
#include "support/config_with.h"
#include "support/expect_error.h"
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
    config.data.path = (folder_ / fmt::format("images{}.h5", files_++)).string();
    config.data.image_size = 16;
    config.model.dim = 8;
    config.model.dim_mults = {1, 2};
    config.diffusion.steps = 2;
    write_numbered_file(config.data.path, kHooksShape, 12, {}, 0, holdout);
    return config;
  }

  TrainingHooks hooks_of(const RunConfig& config, Task& task) {
    return make_training_hooks(config, config.data.path, task,
                               extractor_of(config, at::kCPU, alone_), alone_);
  }

  /// Fails unless the artefact is a grid of these images.
  void expect_grid(const Artefact& artefact, const LabelledImages& images) {
    EXPECT_EQ(artefact.extension, ".png");
    artefact.write(folder_ / "grid.png");
    write_image_grid(folder_ / "expected.png", images);
    constexpr size_t kLimit = 1 << 20;
    EXPECT_EQ(read_file(folder_ / "grid.png", kLimit), read_file(folder_ / "expected.png", kLimit));
  }

  TemporaryFolder folder_;
  int files_ = 0;
  SelfCommunicator alone_;
};

TEST_F(TrainingHooksTest, SamplesOfADiffusionModelAreThoseOfTheRunsSeed) {
  const RunConfig config = run_on_images({"run.seed=4", "sample.count=3", "sample.batch_size=3"});
  const auto task = make_task(config, kHooksShape);
  const TrainingHooks hooks = hooks_of(config, *task);
  const at::Tensor samples = task->image_generator()->sample({4, at::arange(3, at::kLong)},
                                                             [](int64_t, const at::Tensor&) {});
  expect_grid(hooks.sample(), {to_pixels(samples)});
  EXPECT_TRUE(hooks.evaluations.empty()) << "evaluate.every is 0";
}

TEST_F(TrainingHooksTest, SamplesOfAnInpaintingTaskAreStripsOfMaskedImagesWithLabels) {
  for (const int64_t count : {4, 64}) {  // at most the twelve images of the dataset
    RunConfig config = run_on_images({"run.task=inpaint", "mask.kind=half"});
    config.sample.count = count;
    const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
    const Artefact grid = hooks_of(config, *task).sample();
    const MaskedDataset masked(open_dataset(config.data.path, config.data, std::nullopt, alone_),
                               config.mask, static_cast<uint64_t>(config.evaluate.seed));
    const int64_t shown = std::min<int64_t>(count, 12);
    const at::Tensor strips =
        inpainting_images(*task->inpainter(), masked, static_cast<uint64_t>(config.evaluate.seed),
                          masked.evenly_spaced(at::arange(shown, at::kLong), shown), {});
    const at::Tensor original = strips.narrow(3, 0, 16), filled = strips.narrow(3, 32, 16);
    EXPECT_EQ(original.eq(filled).sum({1, 2, 3}).ge(128).sum().item<int64_t>(), shown)
        << "half is known";
    EXPECT_FALSE(original.equal(filled));
    expect_grid(grid, {to_pixels(strips), {"original", "masked", "inpainted"}});
  }
}

TEST_F(TrainingHooksTest, AnEvaluationUsesHeldOutImagesAndTheWeightsOfItsMoment) {
  const RunConfig config = run_on_images(
      {"run.task=inpaint", "evaluate.every=1", "evaluate.count=100", "evaluate.seed=9"}, 0.4);
  const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
  const TrainingHooks hooks = hooks_of(config, *task);
  const auto held_out = open_dataset(config.data.path, config.data, std::nullopt, alone_);
  ASSERT_LT(held_out->size(), 12);

  const auto measure = [&] {
    const EvaluateConfig settings{.count = held_out->size(), .batch_size = 4, .seed = 9};
    InpaintingEvaluation evaluation(MaskedDataset(held_out, config.mask, 9), settings, alone_);
    return evaluation.run(method_of(*task), {});
  };
  ASSERT_EQ(hooks.evaluations.size(), 1U);
  Evaluation& evaluation = *hooks.evaluations.front();
  const EvaluationReport before = evaluation.run(method_of(*task), {});
  EXPECT_EQ(before.name, evaluation.name());
  EXPECT_EQ(before.samples, held_out->size());
  EXPECT_EQ(before.figures.front().first, "psnr_masked");
  EXPECT_NEAR(before.figures.front().second, measure().figures.front().second, 1e-4);

  const at::NoGradGuard no_gradients;
  for (const at::Tensor& parameter : task->sampled_network().parameters()) parameter.mul_(2);
  task->sampled_network().invalidate_cache();
  const EvaluationReport after = evaluation.run(method_of(*task), {});
  EXPECT_GT(std::abs(after.figures.front().second - before.figures.front().second), 1e-3);
}

/// A kind of evaluation that exists only in this test.
class NumberOfParameters final : public Evaluation {
 public:
  explicit NumberOfParameters(int64_t images) : images_(images) {}
  std::string name() const override { return "size"; }
  int64_t samples() const override { return images_; }
  EvaluationReport run(const Method& method, const EvaluationObserver&) override {
    const auto parameters = method.task->sampled_network().parameters().size();
    return {.name = name(),
            .samples = images_,
            .figures = {{"parameters", static_cast<double>(parameters)}}};
  }

 private:
  int64_t images_;
};

TEST_F(TrainingHooksTest, AnEntryOfTheTableIsEnoughForANewKindOfEvaluation) {
  const std::vector<EvaluationKind> kinds = evaluation_kinds();
  std::string asked_by;
  evaluation_kinds().push_back(
      {.metrics = {"size"},
       .require = [&](Task&, const std::string& asked) { asked_by = asked; },
       .make =
           [](const EvaluationInputs& in, const std::vector<std::string>&) {
             return std::make_shared<NumberOfParameters>(in.images()->size());
           }});
  const RunConfig config = run_on_images(
      {"run.task=inpaint", "evaluate.every=1", "evaluate.metrics=inpainting,size"}, 0.4);
  const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
  const TrainingHooks hooks = hooks_of(config, *task);
  evaluation_kinds() = kinds;
  EXPECT_EQ(asked_by, "evaluate.every");
  ASSERT_EQ(hooks.evaluations.size(), 2U);
  EXPECT_EQ(hooks.evaluations.front()->name(), "inpainting");
  const EvaluationReport report = hooks.evaluations.back()->run(method_of(*task), {});
  EXPECT_EQ(report.name, "size");
  EXPECT_EQ(report.samples,
            open_dataset(config.data.path, config.data, std::nullopt, alone_)->size());
  EXPECT_GT(report.figures.front().second, 0);
}

TEST_F(TrainingHooksTest, SamplesOfADiffusionModelAreComparedWithTheImages) {
  RunConfig config = run_on_images({"evaluate.every=1", "evaluate.metrics=fd,recall",
                                    "evaluate.samples=5", "evaluate.extractor=random"},
                                   0.4);
  config.data.cache = (folder_ / "cache").string();
  const auto task = make_task(config, kHooksShape);
  const TrainingHooks hooks = hooks_of(config, *task);
  ASSERT_EQ(hooks.evaluations.size(), 1U);
  const EvaluationReport report = hooks.evaluations.front()->run(method_of(*task), {});
  EXPECT_EQ(report.name, "distribution");
  EXPECT_EQ(report.samples, 5);
  ASSERT_EQ(report.figures.size(), 3U);
  EXPECT_EQ(report.figures[0].first, "fd_random");
  EXPECT_GT(report.figures[0].second, 0);
  EXPECT_EQ(report.figures[1].first, "recall_random");
  EXPECT_EQ(report.figures[2].first, "fd_random_floor");
}

TEST_F(TrainingHooksTest, TheLossIsMeasuredOnTrainingAndHeldOutImages) {
  const RunConfig config =
      run_on_images({"evaluate.every=1", "evaluate.metrics=loss", "diffusion.loss_weight=min_snr",
                     "diffusion.min_snr_gamma=4", "diffusion.schedule=linear"},
                    0.4);
  const auto task = make_task(config, kHooksShape);
  const TrainingHooks hooks = hooks_of(config, *task);
  ASSERT_EQ(hooks.evaluations.size(), 1U);
  const EvaluationReport report = hooks.evaluations.front()->run(method_of(*task), {});
  EXPECT_THAT(report.figures,
              testing::ElementsAre(testing::Key("loss_train"), testing::Key("loss_held_out"),
                                   testing::Key("loss_gap")));
  const Provenance of_loss{{"diffusion.prediction", "noise"},
                           {"diffusion.loss", "l1"},
                           {"diffusion.loss_weight", "min_snr 4"},
                           {"diffusion.schedule", "linear"},
                           {"diffusion.steps", config.diffusion.steps}};
  EXPECT_THAT(report.provenance, testing::IsSupersetOf(of_loss));
}

TEST_F(TrainingHooksTest, DifferentKindsOfLossesAreNotCompared) {
  const DiffusionConfig noise, velocity{.prediction = PredictionKind::kVelocity};
  expect_error<InputError>(
      [&] {
        make_evaluations({.images = {},
                          .references = {},
                          .training = {},
                          .files = {},
                          .mask = {},
                          .diffusion = {noise, velocity},
                          .config = {.metrics = "loss"},
                          .cache = {},
                          .communicator = alone_});
      },
      testing::HasSubstr("diffusion.prediction"));
}

TEST_F(TrainingHooksTest, TheBestCheckpointIsChosenByAFigureOfTheEvaluations) {
  const auto figure = [](std::initializer_list<const char*> overrides) {
    return best_figure(config_with(overrides));
  };
  EXPECT_FALSE(figure({}));
  EXPECT_FALSE(figure({"evaluate.every=1", "evaluate.metrics=inpainting,loss,fd,recall",
                       "checkpoint.keep_best=loss_held_out"})
                   ->higher_is_better);
  EXPECT_TRUE(figure({"evaluate.every=1", "checkpoint.keep_best=psnr_masked"})->higher_is_better);
  EXPECT_FALSE(figure({"evaluate.every=1", "checkpoint.keep_best=l1_masked"})->higher_is_better);
  const std::initializer_list<const char*> distances{
      "evaluate.every=1", "evaluate.metrics=fd,recall", "checkpoint.keep_best=precision_lite0"};
  expect_error<InputError>([&] { figure(distances); },
                           testing::HasSubstr("checkpoint.keep_best: \"precision_lite0\" is no "
                                              "figure of evaluate.metrics = \"fd,recall\"; its "
                                              "figures are fd_lite0, recall_lite0"));
  EXPECT_EQ(figure({"evaluate.every=1", "evaluate.metrics=kid", "evaluate.extractor=inception",
                    "checkpoint.keep_best=kid"})
                ->name,
            "kid");
  expect_error<InputError>([&] { figure({"checkpoint.keep_best=psnr"}); },
                           testing::HasSubstr("set evaluate.every"));
}

TEST_F(TrainingHooksTest, UnknownMetricsAndTasksThatMakeNoSamplesAreRefused) {
  const auto refused = [&](std::initializer_list<const char*> overrides, const auto& message) {
    const RunConfig config = run_on_images(overrides, 0.4);
    const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
    expect_error<InputError>([&] { hooks_of(config, *task); }, message);
  };
  refused({"evaluate.every=1", "evaluate.metrics=fd,size"},
          testing::HasSubstr("evaluate.metrics: \"size\" is none of inpainting, loss, fd, kid, "
                             "precision, recall, neighbours"));
  refused({"evaluate.every=1", "evaluate.metrics=fid"},
          testing::HasSubstr("evaluate.extractor = \"inception\""));
  refused({"run.task=inpaint", "evaluate.every=1", "evaluate.metrics=kid"},
          testing::HasSubstr("does not generate images"));
  refused({"run.task=inpaint", "evaluate.every=1", "evaluate.metrics=loss"},
          testing::HasSubstr("does not train a diffusion model; these do: ddpm"));
}

TEST_F(TrainingHooksTest, WarnsIfAndOnlyIfTheEvaluationUsesTrainingImages) {
  for (const double holdout : {0.0, 0.4}) {
    const RunConfig config = run_on_images({"run.task=inpaint", "evaluate.every=1"}, holdout);
    const auto task = make_task(config, kHooksShape, open_training_masks(config, kHooksShape));
    testing::internal::CaptureStderr();
    hooks_of(config, *task);
    const std::string output = testing::internal::GetCapturedStderr();
    EXPECT_EQ(output.find("no held-out images") != std::string::npos, holdout == 0) << output;
  }
}

}  // namespace
}  // namespace gm
