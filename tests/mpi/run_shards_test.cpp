// The shards of a resumed run, whose directory only rank 0 sees.
#include "run/run_shards.h"

#include <gmock/gmock.h>

#include <optional>

#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

TEST(RunShardsOfRanks, AllTakeTheNumberThatRankZeroReads) {
  Communicator& ranks = test_world().communicator();
  std::optional<TemporaryFolder> folder;
  if (ranks.rank() == 0) folder.emplace();
  const RunDirectory directory(folder ? folder->path() : "/nowhere");
  RunConfig config;
  if (folder) {
    config.data.shards = 16;
    directory.begin(to_toml(config));
    config.data.shards = 0;
  }
  keep_shards_of_run(config, directory, ranks);
  EXPECT_EQ(config.data.shards, 16);
}

TEST(RunShardsOfRanks, ADamagedConfigurationIsRefusedByAll) {
  Communicator& ranks = test_world().communicator();
  std::optional<TemporaryFolder> folder;
  if (ranks.rank() == 0) folder.emplace();
  const RunDirectory directory(folder ? folder->path() : "/nowhere");
  if (folder) directory.begin("[data\n");
  RunConfig config;
  EXPECT_THROW(keep_shards_of_run(config, directory, ranks), InputError);
}

}  // namespace
}  // namespace gm
