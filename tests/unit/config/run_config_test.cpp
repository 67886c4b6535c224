// The whole configuration: scripts rely on its names and defaults, and a file can store it.
#include "config/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST(RunConfig, DefaultsAreThoseOfTheReference) {
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

TEST(RunConfig, EveryDefaultIsAcceptedByItsKey) {
  RunConfig config;
  for (const Key& key : Schema(config).keys()) {
    EXPECT_NO_THROW(key.set({key.name(), key.value(), "default"})) << key.name();
    EXPECT_FALSE(key.help().empty()) << key.name();
  }
}

TEST(ToToml, ReadsBackToTheSameConfiguration) {
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

TEST(ReadRunConfig, SetsTheRunDirectoryToTheFolderThatWasRead) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "config.toml", to_toml(config_with({"run.dir=/elsewhere"})));
  EXPECT_EQ(read_run_config(folder.path()).run.dir, folder.path().string());
  expect_error<InputError>([&] { read_run_config(folder / "none"); }, HasSubstr("config.toml"));
}

TEST(ReadConfig, NamesFileKeyAndRange) {
  const TemporaryFolder folder;
  std::ofstream(folder / "bad.toml") << "[train]\nsteps = -5\n";
  expect_error<InputError>([&] { read_config(folder / "bad.toml"); },
                           HasSubstr("bad.toml:2:1: train.steps = -5: expected an integer from 1"));
}

/// Every file in configs/ is a valid configuration.
TEST(Recipes, AreRead) {
  int recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GM_TEST_DATA "/../../configs")) {
    EXPECT_NO_THROW(read_config(entry.path())) << entry.path();
    ++recipes;
  }
  EXPECT_GT(recipes, 0);
}

}  // namespace
}  // namespace gm
