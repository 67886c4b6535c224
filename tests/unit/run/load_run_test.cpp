// A trained run is loaded only if its weights are finite.
#include "run/load_run.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/files.h"
#include "checkpoint/checkpoint_store.h"
#include "checkpoint/weights.h"
#include "comm/communicator.h"
#include "config/task_kinds.h"
#include "run/make_task.h"
#include "run/run_lock.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tasks/ddpm.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Begins a small run in `folder`, and returns weights of its network.
TensorMap begin_small_run(const TemporaryFolder& folder, RunConfig config = {},
                          int64_t classes = 0) {
  config.data.image_size = 16;
  config.model.dim = 8;
  config.model.dim_mults = {1, 2};
  write_file_atomically(folder / "config.toml", to_toml(config));
  const auto task = make_task(config, ImageShape{16, 16, 1}, nullptr, at::kCPU, classes);
  return weights_of(task->sampled_network().parameter_list());
}

TEST(LoadedRun, WeightsThatAreNotFiniteAreRefused) {
  const TemporaryFolder folder;
  const TensorMap weights = begin_small_run(folder);
  TensorMap diverged = weights;
  diverged["init_conv.bias"] = at::full({8}, NAN);
  CheckpointStore(folder.path())
      .save({.state = {.step = 7}}, {{"model", weights}, {"ema", diverged}});

  SelfCommunicator alone;
  const std::string run = folder.path().string();
  EXPECT_EQ(load_run(run, {.weights = SampleWeights::kModel}, {}, alone).step, 7);
  expect_error<InputError>(
      [&] { load_run(run, {.weights = SampleWeights::kEma}, {}, alone); },
      AllOf(HasSubstr("ema.safetensors: NaN"), HasSubstr("init_conv.bias (8 of 8 values)")));
}

TEST(LoadedRun, TheBestCheckpointIsTheOneThatIsMarked) {
  const TemporaryFolder folder;
  const TensorMap weights = begin_small_run(folder);
  CheckpointStore store(folder.path());
  for (const int64_t step : {7, 8}) {
    store.save({.state = {.step = step}}, {{"model", weights}, {"ema", weights}});
  }
  SelfCommunicator alone;
  const std::string run = folder.path().string();
  expect_error<InputError>([&] { load_run(run, {.best = true}, {}, alone); },
                           AllOf(HasSubstr(run), HasSubstr("checkpoint.keep_best")));
  store.mark_best({.step = 7, .figure = "loss_held_out", .value = 0.5});
  EXPECT_EQ(load_run(run, {.best = true}, {}, alone).step, 7);
  EXPECT_EQ(load_run(run, {}, {}, alone).step, 8);
}

TEST(LoadedRun, WarnsWhileTheRunTrainsUnlessTheStepIsNamed) {
  const TemporaryFolder folder;
  const TensorMap weights = begin_small_run(folder);
  CheckpointStore store(folder.path());
  store.save({.state = {.step = 7}}, {{"model", weights}, {"ema", weights}});
  store.mark_best({.step = 7, .figure = "loss_held_out", .value = 0.5});
  SelfCommunicator alone;
  const auto said = [&](const LoadedRun::Choice& choice) {
    testing::internal::CaptureStderr();
    load_run(folder.path().string(), choice, {}, alone);
    return testing::internal::GetCapturedStderr();
  };
  const auto warning = HasSubstr("trains this run");
  {
    const RunLock lock(folder.path(), [](const std::string& reason) { ADD_FAILURE() << reason; });
    EXPECT_THAT(said({}), AllOf(warning, HasSubstr("--step 7 names this one")));
    EXPECT_THAT(said({.best = true}), warning);
    EXPECT_THAT(said({.step = 7}), Not(warning));
  }
  EXPECT_THAT(said({}), Not(warning));
}

TEST(LoadedRun, TheSamplerMayBeChangedButNotTheDiffusion) {
  const TemporaryFolder folder;
  const TensorMap weights = begin_small_run(folder);
  CheckpointStore(folder.path())
      .save({.state = {.step = 7}}, {{"model", weights}, {"ema", weights}});

  SelfCommunicator alone;
  const auto load = [&](const std::vector<std::string>& assignments) {
    return load_run(folder.path().string(), {}, assignments, alone);
  };
  const LoadedRun run = load({"sampler.kind=dpm++", "sampler.steps=5"});
  EXPECT_EQ(run.config.sampler.kind, "dpm++");
  EXPECT_EQ(dynamic_cast<DdpmTask&>(*run.task).diffusion().sampler().steps(), 5);
  expect_error<InputError>([&] { load({"sampler.steps=51"}); }, HasSubstr("sampler.steps is 51"));
  expect_error<InputError>([&] { load({"diffusion.steps=5"}); },
                           HasSubstr("keys of mask, sampler"));
}

TEST(LoadedRun, TheNumberOfClassesIsThatOfTheCheckpoint) {
  const TemporaryFolder folder;
  RunConfig config;
  config.diffusion.condition = DiffusionCondition::kClass;
  const TensorMap weights = begin_small_run(folder, config, 3);
  SelfCommunicator alone;
  const auto load = [&](int64_t classes, const std::vector<std::string>& assignments = {}) {
    CheckpointStore(folder.path())
        .save({.state = {.step = 7}, .sample_shape = {1, 16, 16}, .classes = classes},
              {{"model", weights}, {"ema", weights}});
    return load_run(folder.path().string(), {}, assignments, alone);
  };
  const LoadedRun run = load(3);
  const ImageGenerator& generator = *run.task->image_generator();
  EXPECT_EQ(generator.classes(), 3);
  EXPECT_TRUE(generator.labels(at::arange(2, 5)).equal(at::tensor({2, 0, 1}, at::kLong)));
  expect_error<InputError>([&] { load(3, {"sampler.class=3"}); },
                           HasSubstr("sampler.class is 3, but the model has 3 classes"));
  expect_error<InputError>([&] { load(4); }, HasSubstr("label_emb.weight"));
  // What a manifest says is not yet a reason to allocate memory.
  for (const int64_t classes : {int64_t{0}, int64_t{1'000'000'000'000}}) {
    expect_error<InputError>([&] { load(classes); },
                             AllOf(HasSubstr(std::to_string(classes)), HasSubstr("possible")));
  }
}

/// A network with a buffer, and without the layers of a U-Net.
class CountingTask : public Task {
 public:
  struct Counting : Network {
    Counting() {
      register_parameter("w", at::zeros({2}));
      counter = register_buffer("counter", at::zeros({1}, at::kLong));
    }
    at::Tensor counter;
  };
  std::vector<Phase> phases() override { return {}; }
  Network& sampled_network() override { return network; }
  Counting network;
};

TEST(LoadedRun, BuffersAreLoadedWithTheWeightsAndTheShapeIsThatOfTheCheckpoint) {
  task_kinds().push_back(
      {.name = "counting",
       .help = "a test",
       .sections = {},
       .abilities = {},
       .uses_masks = [](const RunConfig&) { return false; },
       .summary = [](const RunConfig&) { return ""; },
       .make = [](const TaskInputs&) { return std::make_unique<CountingTask>(); }});
  const TemporaryFolder folder;
  RunConfig config;
  config.run.task = "counting";
  config.data.image_size = 16;
  write_file_atomically(folder / "config.toml", to_toml(config));
  CountingTask task;
  task.network.counter.fill_(7);
  const TensorMap state = weights_of(task.network.state_list());
  CheckpointStore(folder.path())
      .save({.state = {.step = 3}, .sample_shape = {3, 16, 16}},
            {{"model", state}, {"ema", state}});

  SelfCommunicator alone;
  for (const SampleWeights weights : {SampleWeights::kModel, SampleWeights::kEma}) {
    const LoadedRun run = load_run(folder.path().string(), {.weights = weights}, {}, alone);
    EXPECT_EQ(dynamic_cast<CountingTask&>(*run.task).network.counter.item<int64_t>(), 7)
        << name_of(weights);
    EXPECT_EQ(run.shape.channels, 3) << name_of(weights);
  }
  task_kinds().pop_back();
}

}  // namespace
}  // namespace gm
