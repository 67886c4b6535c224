// What gm_train does before it trains, and after it: on one rank and on several.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "comm/on_rank_zero.h"
#include "image/image_grid.h"
#include "run/check_configuration.h"
#include "run/make_task.h"
#include "run/process_files.h"
#include "run/run_table.h"
#include "run/starting_weights.h"
#include "run/training_options.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/save_safetensors.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"
#include "tasks/process_images.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr ImageShape kStartShape{16, 16, 1};

class RunStart : public testing::Test {
 protected:
  RunStart() {
    on_rank_zero(ranks(), [&] { folder_.emplace(); });
    root_ = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
  }
  ~RunStart() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  static bool is_last() { return test_world().rank() == test_world().size() - 1; }

  /// A run on images of 16x16, which any number of ranks of the tests can train.
  static RunConfig config_of(std::initializer_list<const char*> overrides) {
    RunConfig config = config_with(overrides);
    config.data.image_size = 16;
    config.data.shards = 4;
    config.model.dim = 8;
    config.model.dim_mults = {1, 2};
    config.diffusion.steps = 4;
    return config;
  }

  std::optional<TemporaryFolder> folder_;  // of rank 0
  std::filesystem::path root_;
};

TEST_F(RunStart, APossibleConfigurationIsAccepted) {
  checked_configuration(test_world(), config_of({}), RunDirectory(root_ / "new"));
  on_rank_zero(ranks(), [&] { RunDirectory(root_ / "old").begin(to_toml(config_of({}))); });
  checked_configuration(test_world(), config_of({}), RunDirectory(root_ / "old"));
}

TEST_F(RunStart, AnImpossibleConfigurationIsRefusedOnEveryRank) {
  on_rank_zero(ranks(), [&] { RunDirectory(root_ / "old").begin(to_toml(config_of({}))); });
  const auto refused = [&](std::initializer_list<const char*> overrides, const char* directory,
                           const auto& message) {
    expect_error<InputError>(
        [&] {
          checked_configuration(test_world(), config_of(overrides),
                                RunDirectory(root_ / directory));
        },
        message);
  };
  refused({"run.device=cuda"}, "new", HasSubstr("run.device"));
  refused({"train.batch_size=30"}, "new", HasSubstr("train.batch_size = 30"));
  refused({"telemetry.port=9000", "telemetry.address=nowhere"}, "new", HasSubstr("nowhere"));
  refused({"optimizer.beta1=0.5"}, "old", HasSubstr("optimizer.beta1"));
}

TEST_F(RunStart, WhatTheTaskCannotDoIsRefusedBeforeDataArePacked) {
  const auto check = [](std::initializer_list<const char*> overrides, bool visualize) {
    const RunConfig config = config_of(overrides);
    check_abilities(config, visualize, extractor_of(config, at::kCPU, ranks()), ranks());
  };
  check({"evaluate.every=5", "repaint.jump_length=2"}, true);
  check({"run.task=inpaint"}, false);
  expect_error<InputError>([&] { check({"run.task=inpaint"}, true); }, HasSubstr("--visualize"));
  expect_error<InputError>(
      [&] {
        check({"evaluate.every=5", "repaint.jump_length=9"}, false);
      },
      HasSubstr("repaint.jump_length"));
  expect_error<InputError>(
      [&] {
        check({"run.task=inpaint", "evaluate.every=5", "evaluate.metrics=fd"}, false);
      },
      HasSubstr("evaluate.every: the task of this run does not generate images"));
  expect_error<InputError>(
      [&] {
        check({"evaluate.every=5", "evaluate.metrics=fd", "evaluate.extractor_file=none"}, false);
      },
      HasSubstr("none"));
}

TEST_F(RunStart, RanksWithDifferentConfigurationsAreRefused) {
  const RunConfig config = config_of({is_last() ? "run.seed=1" : "run.seed=0"});
  const auto check = [&] {
    checked_configuration(test_world(), config, RunDirectory(root_ / "new"));
  };
  if (test_world().size() == 1) {
    check();
  } else {
    expect_error<InputError>(check, HasSubstr("the configuration"));
  }
}

TEST_F(RunStart, StartingWeightsComeFromTheFileAndItsRemarkIsReturned) {
  const RunConfig config = config_of({});
  const auto trained = make_task(config, kStartShape), task = make_task(config, kStartShape);
  const at::NoGradGuard no_gradients;
  for (const at::Tensor& parameter : trained->sampled_network().parameters()) parameter.fill_(0.5);
  const auto first = [](Task& of) { return of.sampled_network().parameters().front(); };
  const at::Tensor before = first(*task).clone();
  EXPECT_EQ(load_starting_weights("", ranks(), task->sampled_network()), "");
  EXPECT_TRUE(first(*task).equal(before));

  on_rank_zero(ranks(), [&] {
    TensorMap tensors;
    for (const auto& [name, tensor] : trained->sampled_network().state_list())
      tensors["module." + name] = tensor;
    save_safetensors(root_ / "wrapped.safetensors", tensors);
  });
  const std::string remark = load_starting_weights((root_ / "wrapped.safetensors").string(),
                                                   ranks(), task->sampled_network());
  EXPECT_THAT(remark, HasSubstr("removed the prefix module."));
  EXPECT_TRUE(first(*task).eq(0.5).all().item<bool>());
}

TEST_F(RunStart, RanksWithDifferentStartingWeightsAreRefused) {
  const auto task = make_task(config_of({}), kStartShape);
  const std::string path = (root_ / fmt::format("{}.safetensors", ranks().rank())).string();
  TensorMap tensors;
  for (const auto& [name, tensor] : task->sampled_network().state_list())
    tensors[name] = tensor.detach() + (is_last() ? 1 : 0);
  save_safetensors(path, tensors);
  const auto load = [&] { load_starting_weights(path, ranks(), task->sampled_network()); };
  if (test_world().size() == 1) {
    load();
  } else {
    expect_error<InputError>(load, HasSubstr("the file of model.weights"));
  }
}

TEST_F(RunStart, TheTableSaysWhatIsTrainedOnWhat) {
  RunConfig config = config_of({"train.steps=1000", "train.accumulate=2", "run.task=inpaint"});
  config.train.batch_size = 8;
  config.data.path = (root_ / "data.h5").string();
  on_rank_zero(ranks(), [&] { write_numbered_file(config.data.path, kStartShape, 40); });
  config.data.shards = 4;
  const TrainingData data = open_training_data(config.data.path, config, ranks());
  const auto task = make_task(config, kStartShape);
  const std::string table =
      format_table(run_rows(test_world(), config, data, *task, /*restarts=*/{}));
  const int size = test_world().size();
  EXPECT_THAT(table, HasSubstr(fmt::format("  ranks    {}, ", size)));
  EXPECT_THAT(table, HasSubstr("data.h5: 40 images, 16x16x1, in 4 shards\n"));
  EXPECT_THAT(table, HasSubstr("  task     inpaint, masks: strokes\n"));
  EXPECT_THAT(table, HasSubstr("  network  unet, dim 8: "));
  EXPECT_THAT(table, HasSubstr(fmt::format(
                         "  batch    16 images a step = {} ranks x {} images x 2 micro-batches\n",
                         size, 8 / size)));
  EXPECT_THAT(table, HasSubstr("  length   1,000 steps, 16,000 images, 400.0 epochs\n"));
}

TEST_F(RunStart, AResumedAndAFinishedRunAreAnnounced) {
  const RunConfig config = config_of({"run.dir=runs/a", "train.steps=100"});
  EXPECT_EQ(resume_message(config, 40), "runs/a: resumes after step 40 of 100");
  EXPECT_EQ(resume_message(config, 100),
            "runs/a: the run is finished, with 100 steps; a larger train.steps continues it");
  EXPECT_EQ(resume_message(
                config_of({"run.dir=runs/a", "train.steps=100", "optimizer.schedule=cosine"}), 100),
            "runs/a: the run is finished, with 100 steps; a new run can start from its weights "
            "(model.weights)");
}

TEST_F(RunStart, AResumedRunReadsTheNextMicroBatchAndItsLogContinues) {
  RunConfig config = config_of({"train.steps=100"});
  config.train.batch_size = 8;
  const RunState first{.step = 3, .samples = 48};
  EXPECT_EQ(loader_options(config, first).first_micro_batch, 6);
  EXPECT_EQ(log_options(config, test_world(), first).first_step, 3);
  EXPECT_EQ(log_options(config, test_world(), first).is_rank_zero, test_world().rank() == 0);
}

TEST_F(RunStart, TheProcessFilesAreTheSameForAnyNumberOfRanks) {
  on_rank_zero(ranks(), [&] { write_numbered_file(root_ / "data.h5", kStartShape, 3); });
  const RunDirectory directory(root_ / "run");
  on_rank_zero(ranks(), [&] { directory.begin(""); });
  const auto dataset = std::make_shared<const ImageDataset>(root_ / "data.h5");
  const auto task = make_task(config_of({}), kStartShape);
  write_process_files(*task, dataset, directory, /*seed=*/5, ranks());
  if (ranks().rank() != 0) return;
  DiffusionProcess& process = *task->process();
  const auto on_one_rank = reverse_process_images(process, {5, at::arange(3, at::kLong)},
                                                  [](int64_t, const at::Tensor&) {});
  write_image_grid(root_ / "expected.png",
                   {to_pixels(on_one_rank), reverse_process_labels(process.diffusion().sampler())},
                   {.columns = 1});
  constexpr size_t kLimit = 1 << 20;
  EXPECT_EQ(read_file(directory.samples_folder() / "reverse.png", kLimit),
            read_file(root_ / "expected.png", kLimit));
  EXPECT_TRUE(std::filesystem::exists(directory.samples_folder() / "forward.png"));
}

}  // namespace
}  // namespace gm
