// data.shards of runs of this version and of older ones, with and without the key.
#include "run/run_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/hash.h"
#include "config/run_identity.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kLargeDataset = 5000;

class RunShards : public ::testing::Test {
 protected:
  /// The configuration that gm_train resumes or starts a run with, for these arguments.
  RunConfig resolved(std::initializer_list<const char*> arguments, int ranks = 1) {
    RunConfig config = config_with(arguments);
    SelfCommunicator self;
    keep_shards_of_run(config, directory_, self);
    if (directory_.holds_run()) require_same_run(read_run_config(folder_.path()), config);
    choose_shards(config, kLargeDataset, ranks);
    return config;
  }

  /// Begins a run and returns the hash in its checkpoints.
  std::string begin(const RunConfig& config) {
    directory_.begin(to_toml(config));
    return config_hash(config);
  }

  /// A run of gm 0.1.0 with its default of eight shards; its checkpoints have the hash of no key.
  void begin_old_run() {
    directory_.begin("[run]\ntask = \"ddpm\"\n[data]\nshards = 8\n[train]\nbatch_size = 32\n");
  }

  TemporaryFolder folder_;
  RunDirectory directory_{folder_.path()};
};

TEST_F(RunShards, ANewRunRecordsTheChosenNumber) {
  const RunConfig config = resolved({});
  EXPECT_EQ(config.data.shards, 32);
  begin(config);
  EXPECT_EQ(read_run_config(folder_.path()).data.shards, 32);
}

TEST_F(RunShards, ANewRunUsesAnExplicitNumber) {
  EXPECT_EQ(resolved({"data.shards=4"}).data.shards, 4);
}

TEST_F(RunShards, ANewRunIsResumedByTheSameCommandOrWithItsNumber) {
  const std::string hash = begin(resolved({"data.shards=16"}));
  EXPECT_EQ(config_hash(resolved({})), hash);
  EXPECT_EQ(resolved({}, /*ranks=*/4).data.shards, 16);
  EXPECT_EQ(config_hash(resolved({"data.shards=16"})), hash);
  expect_error<InputError>([&] { resolved({"data.shards=8"}); },
                           HasSubstr("data.shards is 16 in the run, 8 now"));
}

TEST_F(RunShards, AnOldRunIsResumedByTheSameCommandOrWithItsNumber) {
  begin_old_run();
  EXPECT_EQ(config_hash(resolved({})), Hash().hex());
  EXPECT_EQ(resolved({}).data.shards, 8);
  EXPECT_EQ(config_hash(resolved({"data.shards=8"})), Hash().hex());
  expect_error<InputError>([&] { resolved({"data.shards=32"}); },
                           HasSubstr("data.shards is 8 in the run, 32 now"));
}

TEST_F(RunShards, TooFewImagesAreRefused) {
  RunConfig config = config_with({});
  expect_error<InputError>([&] { choose_shards(config, 31, 1); }, HasSubstr("fewer than the 32"));
}

}  // namespace
}  // namespace gm
