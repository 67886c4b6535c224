// A run's configuration determines its task and the hash of its training data.
#include "run/make_task.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "comm/world.h"
#include "config/run_identity.h"
#include "config/task_kinds.h"
#include "run/training_hooks.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/png.h"
#include "support/temporary_folder.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"
#include "train/phase_trainer.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr ImageShape kShape{16, 16, 1};

RunConfig small(const std::string& task, DiffusionCondition condition = DiffusionCondition::kNone) {
  RunConfig config;
  config.run.task = task;
  config.diffusion.condition = condition;
  config.model.dim = 8;
  config.model.dim_mults = {1, 2};
  config.gan.dim = 8;
  return config;
}

TEST(MakeTask, MakesTheTaskOfEachName) {
  const auto make = [](const char* task) { return make_task(small(task), kShape); };
  EXPECT_NE(dynamic_cast<DdpmTask*>(make("ddpm").get()), nullptr);
  EXPECT_NE(dynamic_cast<InpaintTask*>(make("inpaint").get()), nullptr);
  EXPECT_NE(dynamic_cast<GanInpaintTask*>(make("gan_inpaint").get()), nullptr);
}

/// A task that has no ability: it learns the mean brightness of the images.
class ToyTask : public Task {
 public:
  struct Brightness : Network {
    at::Tensor mean = register_parameter("mean", at::zeros({1}));
  };

  std::vector<Phase> phases() override {
    return {{.name = "toy", .network = &network_, .loss = [this](const PreparedBatch& batch) {
               return Losses{.total = (batch["images"].mean() - network_.mean).square().mean()};
             }}};
  }
  Network& sampled_network() override { return network_; }

 private:
  Brightness network_;
};

class ToyTaskTest : public testing::Test {
 protected:
  void SetUp() override {
    task_kinds().push_back({.name = "toy",
                            .help = "a toy",
                            .sections = {},
                            .abilities = {},
                            .uses_masks = [](const RunConfig&) { return false; },
                            .summary = [](const RunConfig&) { return "toy"; },
                            .make = [](const TaskInputs&) { return std::make_unique<ToyTask>(); }});
  }
  void TearDown() override { task_kinds().pop_back(); }
};

TEST_F(ToyTaskTest, OneEntryInTheTableMakesItATask) {
  const RunConfig config = config_with({"run.task=toy"});
  EXPECT_NE(dynamic_cast<ToyTask*>(make_task(config, kShape).get()), nullptr);
  EXPECT_FALSE(config.uses_masks());
  EXPECT_THAT(config_help(), HasSubstr("toy is a toy"));
}

TEST_F(ToyTaskTest, TheTrainerTrainsItWithoutKnowingIt) {
  const auto task = make_task(config_with({"run.task=toy"}), kShape);
  World world;
  Watchdog watchdog(world);
  PhaseTrainer trainer(
      task->phases().front(), world.communicator(), world.collectives(), watchdog,
      {.train = {.steps = 100}, .optimizer = {.learning_rate = 0.1}, .ema = std::nullopt});
  const PreparedBatch batch =
      task->prepare({.images = at::full({2, 1, 4, 4}, 0.5), .positions = at::arange(2, at::kLong)});
  StepTimer clock;
  for (int64_t step = 0; step < 60; ++step) trainer.step({batch}, {.step = step}, clock);
  EXPECT_NEAR(task->sampled_network().parameters()[0].item<float>(), 0.5, 0.05);
}

TEST_F(ToyTaskTest, MakesNoSamplesDuringTraining) {
  ToyTask toy;
  SelfCommunicator alone;
  const auto hooks_with = [&](std::initializer_list<const char*> overrides) {
    return make_training_hooks(config_with(overrides), "", toy, /*extractor=*/{}, alone);
  };
  const TrainingHooks hooks = hooks_with({"run.task=toy"});
  EXPECT_FALSE(hooks.sample);
  EXPECT_TRUE(hooks.evaluations.empty());
  expect_error<InputError>(
      [&] {
        hooks_with({"run.task=toy", "evaluate.every=5"});
      },
      HasSubstr("evaluate.every"));
}

TEST(TaskTable, AbilitiesAreThoseThatTheTasksOffer) {
  for (const TaskKind& kind : task_kinds()) {
    const auto task = make_task(small(kind.name), kShape);
    EXPECT_EQ(task->image_generator() != nullptr, kind.abilities.contains(kGenerateImages))
        << kind.name;
    EXPECT_EQ(task->inpainter() != nullptr, kind.abilities.contains(kInpaint)) << kind.name;
    EXPECT_EQ(task->process() != nullptr, kind.abilities.contains(kShowProcess)) << kind.name;
  }
}

TEST_F(ToyTaskTest, KeysOfOtherTasksAreNotPartOfItsIdentity) {
  const auto hash = [](const char* override) {
    return config_hash(run_config_with({"run.task=toy", override}));
  };
  EXPECT_EQ(hash("diffusion.steps=7"), hash("gan.dim=64"));
  EXPECT_EQ(hash("mask.kind=half"), hash("gan.dim=64"));
  EXPECT_NE(hash("model.dim=64"), hash("gan.dim=64"));
}

TEST_F(ToyTaskTest, AnAbilityThatItLacksIsRefusedWithTheTasksThatHaveIt) {
  ToyTask toy;
  expect_error<InputError>([&] { require_inpainter(toy, "--inpaint"); },
                           HasSubstr("--inpaint: the task of this run does not inpaint; these do: "
                                     "ddpm, inpaint, gan_inpaint"));
  expect_error<InputError>(
      [&] { require_image_generator(toy, "gm_sample"); },
      HasSubstr(
          "does not generate images; these do: ddpm unless diffusion.condition = \"inpaint\""));
}

TEST(TrainingMasks, AreOpenedOnlyForATaskThatTrainsOnMasks) {
  const auto open = [](RunConfig config) {
    config.mask.kind = MaskKind::kFiles;
    config.mask.path = "/nowhere/masks";
    return open_training_masks(config, kShape);
  };
  EXPECT_EQ(open(small("ddpm")), nullptr);
  for (const RunConfig& config :
       {small("inpaint"), small("gan_inpaint"), small("ddpm", DiffusionCondition::kInpaint)}) {
    expect_error<InputError>([&] { open(config); }, HasSubstr("/nowhere/masks"));
  }
}

TEST(TrainingDataHash, DependsOnTheMaskFilesOfARun) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "images.h5", kShape, 2);
  const ImageDataset images(folder / "images.h5");
  const auto hash_with = [&](const MaskConfig& mask) {
    RunConfig config = small("inpaint");
    config.mask = mask;
    return training_data_hash(images.content_hash(), open_training_masks(config, kShape).get());
  };
  const auto file = [&](const char* name, int64_t missing_rows) {
    at::Tensor mask = at::zeros({16, 16, 1}, at::kByte);
    mask.narrow(0, 0, missing_rows).fill_(255);
    write_png(folder / name, mask);
    MaskConfig config;
    config.kind = MaskKind::kFiles;
    config.path = (folder / name).string();
    return config;
  };
  const std::string one = hash_with(file("one.png", 4));
  EXPECT_EQ(one, hash_with(file("elsewhere.png", 4)));
  EXPECT_NE(one, hash_with(file("other.png", 5)));
  EXPECT_NE(one, images.content_hash());
  EXPECT_EQ(hash_with({}), images.content_hash());
  EXPECT_EQ(training_data_hash(images.content_hash(), nullptr), images.content_hash());
}

}  // namespace
}  // namespace gm
