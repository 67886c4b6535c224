// Runs on a device from the loader to checkpoints, samples and evaluations: as on the CPU, resumed
// to the bit, and exchanged between both.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "checkpoint/find_checkpoint.h"
#include "comm/world.h"
#include "data/image_reader.h"
#include "data/shard_order.h"
#include "device/device_runs.h"
#include "run/broadcast_checkpoint.h"
#include "run/load_run.h"
#include "run/make_task.h"
#include "run/run_log.h"
#include "run/training_hooks.h"
#include "support/config_with.h"
#include "support/fake_device.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "train/trainer.h"

namespace gm {
namespace {

/// A whole run of a task in one process, as gm_train makes it.
class WholeRun : public testing::TestWithParam<const char*> {
 protected:
  WholeRun() {
    write_numbered_file(folder_ / "images.h5", kDeviceShape, 24, {}, 0, /*holdout=*/0.3);
  }
  void TearDown() override { fake_device::synchronize(); }

  RunConfig config() const {
    RunConfig config =
        config_with({"run.seed=4", "train.batch_size=4", "train.accumulate=2", "data.shards=2",
                     "sample.count=2", "sample.batch_size=2", "evaluate.every=2",
                     "evaluate.count=4", "mask.kind=half", "optimizer.learning_rate=0.001",
                     "optimizer.epsilon=0.0001", "gan.dim=8", "gan.r1=1"});
    config.run.task = GetParam();
    config.data.path = (folder_ / "images.h5").string();
    config.data.image_size = 16;
    config.model.dim = 16;  // see device_task()
    config.model.dim_mults = {1, 2};
    config.diffusion.steps = 4;
    config.repaint.jump_length = 2;
    config.repaint.resamplings = 2;
    return config;
  }

  /// Trains in `run` until step `steps`. Resumes if there is a checkpoint.
  void train(const std::string& run, at::Device device, int64_t steps) {
    World world;
    world.use_device(device);
    Watchdog watchdog(world);
    const RunConfig config = this->config();
    const auto dataset =
        std::make_shared<const ImageDataset>(config.data.path, "all", Part::kTraining);
    const auto task =
        make_task(config, kDeviceShape, open_training_masks(config, kDeviceShape), device);
    const TrainingHooks hooks = make_training_hooks(
        config, config.data.path, *task, extractor_of(config, device, world.communicator()),
        world.communicator());
    const RunDirectory directory(folder_ / run);
    directory.begin("");
    CheckpointStore checkpoints(directory.root());
    const auto resumed = agree_on_checkpoint(world.communicator(), checkpoints, {});
    const RunState first = resumed ? resumed->info.state : RunState{};
    Loader loader(
        std::make_unique<ShardOrder>(ShardOrder::Options{.dataset_size = dataset->size(),
                                                         .shards = config.data.shards,
                                                         .batch_size = config.train.batch_size,
                                                         .seed = 4}),
        std::make_unique<ImageReader>(dataset, AugmentationOptions{}, /*seed=*/4),
        {.first_micro_batch = first.samples / config.train.batch_size});
    RunLog log(directory, metrics_, {.first_step = first.step, .total_steps = steps});
    TrainConfig length = config.train;
    length.steps = steps;
    Trainer trainer({.train = length,
                     .optimizer = config.optimizer,
                     .ema = config.ema,
                     .sample = {.every = 2},
                     .watchdog = {},
                     .checkpoint_every = 2,
                     .evaluate_every = 2,
                     .keep_best = {},
                     .identity = {}},
                    {.world = world,
                     .watchdog = watchdog,
                     .task = *task,
                     .loader = loader,
                     .checkpoints = checkpoints,
                     .observer = log,
                     .step_limit = StepLimit(0),
                     .sample = hooks.sample,
                     .evaluations = hooks.evaluations,
                     .method = hooks.method});
    if (resumed) trainer.resume(resumed->info, resumed->tensors);
    trainer.run();
  }

  CheckpointTensors tensors_of(const std::string& run) const {
    return find_resume_point(CheckpointStore(folder_ / run), "").value().tensors;
  }

  /// The numbers of the lines of this kind in metrics.jsonl, without those of time.
  std::vector<double> numbers_of(const std::string& run, const std::string& kind) const {
    std::vector<double> numbers;
    std::ifstream file(folder_ / run / "metrics.jsonl");
    for (std::string text; std::getline(file, text);) {
      const auto line = nlohmann::json::parse(text);
      if (line.at("kind") != kind) continue;
      for (const auto& [name, value] : line.items()) {
        const bool is_time =
            name == "time" || name.ends_with("seconds") || name.ends_with("per_second");
        if (value.is_number() && !is_time) numbers.push_back(value.get<double>());
      }
    }
    return numbers;
  }

  void expect_near(const std::string& found, const std::string& expected, double tolerance) {
    const CheckpointTensors a = tensors_of(found), b = tensors_of(expected);
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [file, tensors] : b) {
      for (const auto& [name, tensor] : tensors) {
        EXPECT_TRUE(near(a.at(file).at(name), tensor, tolerance)) << file << " " << name;
      }
    }
  }

  TemporaryFolder folder_;
  Metrics metrics_;
};

TEST_P(WholeRun, LossesFiguresAndCheckpointsAreThoseOfTheCpu) {
  train("cpu", at::kCPU, 4);
  train("device", fake_device::device(), 4);
  for (const char* kind : {"train", "evaluation"}) {
    const auto found = numbers_of("device", kind), expected = numbers_of("cpu", kind);
    ASSERT_GT(expected.size(), 4U);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 1e-4 * std::abs(expected[i]) + 1e-6) << kind << i;
    }
  }
  expect_near("device", "cpu", 1e-3);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "device/samples/step-00000004.png"));
}

TEST_P(WholeRun, ResumesToTheBit) {
  train("whole", fake_device::device(), 4);
  train("stopped", fake_device::device(), 2);
  train("stopped", fake_device::device(), 4);
  const CheckpointTensors found = tensors_of("stopped"), expected = tensors_of("whole");
  for (const auto& [file, tensors] : expected) {
    for (const auto& [name, tensor] : tensors) {
      EXPECT_TRUE(found.at(file).at(name).equal(tensor)) << file << " " << name;
    }
  }
}

TEST_P(WholeRun, ACheckpointOfOneKindOfDeviceResumesOnTheOther) {
  train("cpu", at::kCPU, 4);
  train("moved", at::kCPU, 2);
  train("moved", fake_device::device(), 3);
  train("moved", at::kCPU, 4);
  expect_near("moved", "cpu", 1e-3);
}

TEST_P(WholeRun, ATrainedRunIsLoadedOnTheDevice) {
  train("run", at::kCPU, 2);
  write_file_atomically(folder_ / "run/config.toml", to_toml(config()));
  SelfCommunicator alone;
  const auto inpaint_on = [&](at::Device device) {
    const LoadedRun run = load_run((folder_ / "run").string(), {}, {}, alone, device);
    const at::Tensor positions = at::arange(2);
    return run.task->inpainter()->inpaint({waves(0, 2).images, half_masks(positions)}, 1, positions,
                                          {});
  };
  const at::Tensor found = inpaint_on(fake_device::device());
  EXPECT_TRUE(found.is_privateuseone());
  EXPECT_TRUE(near(found, inpaint_on(at::kCPU), 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Tasks, WholeRun, testing::Values("ddpm", "inpaint", "gan_inpaint"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace gm
