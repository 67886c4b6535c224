// The whole configuration: its names and defaults are a contract, and it survives its file.
#include "config/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "config/schema.h"
#include "config/toml.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunConfig config_with(std::initializer_list<const char*> overrides) {
  RunConfig config;
  const Schema schema(config);
  for (const char* argument : overrides) schema.set(parse_override(argument));
  return config;
}

TEST(RunConfig, HasTheKeysThatScriptsRelyOn) {
  RunConfig config;
  std::vector<std::string> names;
  for (const Key& key : Schema(config).keys()) names.push_back(key.name());
  for (const char* name :
       {"run.dir", "run.seed", "run.device", "data.path", "data.shards", "model.kind", "model.dim",
        "diffusion.steps", "train.steps", "train.batch_size", "train.accumulate", "train.precision",
        "optimizer.learning_rate", "ema.half_life_images", "checkpoint.every", "checkpoint.keep",
        "sample.every", "telemetry.port"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
}

TEST(RunConfig, DefaultsAreTheReferences) {
  const RunConfig config;
  EXPECT_EQ(config.diffusion.steps, 50);
  EXPECT_EQ(config.train.steps, 10'000);
  EXPECT_EQ(config.run.dir, "./results");
  EXPECT_EQ(config.data.path, "./data/train/");
  EXPECT_EQ(config.data.image_size, 32);
  EXPECT_EQ(config.train.batch_size, 32);
  EXPECT_EQ(config.train.accumulate, 2);
  EXPECT_EQ(config.optimizer.learning_rate, 1e-3);
  EXPECT_EQ(config.model.dim, 16);
  EXPECT_THAT(config.model.dim_mults, ElementsAre(1, 2, 4, 8));
  EXPECT_EQ(config.sample.every, 1000);
  EXPECT_EQ(config.checkpoint.every, 1000);
}

TEST(RunConfig, EveryDefaultIsAValueThatItsKeyTakes) {
  RunConfig config;
  for (const Key& key : Schema(config).keys()) {
    EXPECT_NO_THROW(key.set({key.name(), key.value(), "default"})) << key.name();
    EXPECT_FALSE(key.help().empty()) << key.name();
  }
}

TEST(ToToml, ReadsBackToTheSame) {
  const TemporaryFolder folder;
  const RunConfig config =
      config_with({"train.steps=7", "optimizer.learning_rate=3e-05", "model.dim_mults=[1, 3]",
                   "run.dir=a \"quoted\" name", "data.flip=false", "ema.half_life_images=0"});
  write_file_atomically(folder / "config.toml", to_toml(config));
  const RunConfig again = read_config(folder / "config.toml");
  EXPECT_EQ(to_toml(again), to_toml(config));
  EXPECT_EQ(again.train.steps, 7);
  EXPECT_EQ(again.optimizer.learning_rate, 3e-05);
  EXPECT_EQ(again.run.dir, "a \"quoted\" name");
  EXPECT_FALSE(again.data.flip);
}

TEST(ToToml, EveryKeyHasItsComment) {
  EXPECT_THAT(to_toml({}), HasSubstr("\n[train]\n# Optimizer steps of the whole run. (an integer "
                                     "from 1 to 1000000000)\nsteps = 10000\n"));
}

TEST(ConfigHelp, ListsEveryKey) {
  RunConfig config;
  const std::string help = config_help();
  for (const Key& key : Schema(config).keys()) {
    EXPECT_THAT(help, HasSubstr(key.name() + " "));
    EXPECT_THAT(help, HasSubstr(key.expectation()));
    EXPECT_THAT(help, HasSubstr(key.help()));
  }
}

TEST(ReadRunConfig, TakesTheFolderThatTheRunLiesIn) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "config.toml", to_toml(config_with({"run.dir=/elsewhere"})));
  EXPECT_EQ(read_run_config(folder.path()).run.dir, folder.path().string());
  expect_error<InputError>([&] { read_run_config(folder / "none"); }, HasSubstr("config.toml"));
}

TEST(ConfigHash, ChangesWithWhatARunComputes) {
  const std::string plain = config_hash({});
  for (const char* change : {"run.seed=1", "train.batch_size=64", "model.dim=32",
                             "diffusion.steps=51", "optimizer.learning_rate=2e-3",
                             "ema.half_life_images=1", "data.shards=4", "data.flip=false"}) {
    EXPECT_NE(config_hash(config_with({change})), plain) << change;
  }
}

TEST(ConfigHash, IsTheSameWhereverAndHoweverLongARunIs) {
  const std::string plain = config_hash({});
  for (const char* change :
       {"run.dir=/elsewhere", "run.device=cpu", "data.path=/mnt/data.h5", "mask.path=/mnt/masks",
        "train.steps=20000", "train.reducer=naive", "checkpoint.every=5", "sample.every=5",
        "telemetry.port=0", "watchdog.step_seconds=1"}) {
    EXPECT_EQ(config_hash(config_with({change})), plain) << change;
  }
}

TEST(ConfigHash, DoesNotChangeWhenGmGetsAnotherKey) {
  EXPECT_EQ(config_hash({}), Hash().hex()) << "keys at their defaults are not part of it";
}

TEST(ConfigHash, KnowsTheEndOfARunWhereItShapesTheLearningRate) {
  EXPECT_NE(config_hash(config_with({"optimizer.schedule=cosine", "train.steps=5"})),
            config_hash(config_with({"optimizer.schedule=cosine", "train.steps=6"})));
}

TEST(ReadConfig, NamesFileKeyAndRange) {
  const TemporaryFolder folder;
  std::ofstream(folder / "bad.toml") << "[train]\nsteps = -5\n";
  expect_error<InputError>([&] { read_config(folder / "bad.toml"); },
                           HasSubstr("bad.toml:2:1: train.steps = -5: expected an integer from 1"));
}

/// Every recipe that we ship is a configuration.
TEST(Recipes, AreRead) {
  int recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GM_TEST_DATA "/../../configs")) {
    EXPECT_NO_THROW(read_config(entry.path())) << entry.path();
    ++recipes;
  }
  EXPECT_GT(recipes, 0);
}

TEST(RunConfig, ARunGoesOnWithKeysThatDoNotChangeWhatItComputes) {
  const RunConfig theirs;
  for (const char* change :
       {"train.steps=99", "run.dir=elsewhere", "run.device=cpu", "data.path=moved.h5",
        "data.prefetch=9", "train.reducer=naive", "train.verify_ranks_every=7",
        "checkpoint.every=5", "checkpoint.keep=9", "sample.every=3", "sample.count=5",
        "telemetry.port=0", "telemetry.log_every_seconds=1", "watchdog.step_seconds=5"}) {
    EXPECT_NO_THROW(require_same_run(theirs, config_with({change}))) << change;
    EXPECT_EQ(config_hash(theirs), config_hash(config_with({change}))) << change;
  }
}

TEST(RunConfig, KeysThatATaskDoesNotReadDoNotBelongToIt) {
  const auto changes_run = [](const char* task, const char* change) {
    return config_hash(config_with({task})) != config_hash(config_with({task, change}));
  };
  EXPECT_FALSE(changes_run("run.task=ddpm", "mask.kind=half"));
  EXPECT_TRUE(changes_run("diffusion.condition=inpaint", "mask.kind=half"));
  EXPECT_TRUE(changes_run("run.task=inpaint", "mask.coverage_max=0.4"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "diffusion.steps=9"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "gan.lambda=2"));
  EXPECT_TRUE(changes_run("run.task=gan_inpaint", "gan.lambda=2"));
  EXPECT_FALSE(changes_run("run.task=ddpm", "repaint.resamplings=3"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "evaluate.every=3"));
}

TEST(RunConfig, OtherKeysAreNamedWithBothValues) {
  const RunConfig theirs;
  for (const char* change :
       {"run.seed=1", "data.image_size=16", "data.classes=cat", "data.shards=4", "data.flip=false",
        "data.resize_crop=1.5", "data.fit=pad", "data.holdout=0.1", "model.dim=8",
        "model.dim_mults=[1,2]", "diffusion.steps=9", "train.batch_size=64", "train.accumulate=1",
        "optimizer.learning_rate=0.5", "optimizer.warmup_steps=9", "ema.half_life_images=1"}) {
    EXPECT_NE(config_hash(theirs), config_hash(config_with({change}))) << change;
    const std::string key(change, std::string_view(change).find('='));
    expect_error<InputError>([&] { require_same_run(theirs, config_with({change})); },
                             HasSubstr(key + " is "));
  }
  expect_error<InputError>(
      [&] {
        require_same_run(theirs, config_with({"run.seed=3", "model.dim=8"}));
      },
      HasSubstr("run.seed is 0 in the run, 3 now; model.dim is 16 in the run, 8 now"));
  // The end of a run shapes this schedule.
  const RunConfig cosine = config_with({"optimizer.schedule=cosine"});
  expect_error<InputError>(
      [&] {
        require_same_run(cosine, config_with({"optimizer.schedule=cosine", "train.steps=9"}));
      },
      HasSubstr("train.steps is 10000 in the run, 9 now"));
}

}  // namespace
}  // namespace gm
