#include "run/run_shards.h"

#include <string>

#include "comm/on_rank_zero.h"
#include "data/shard_order.h"

namespace gm {

void keep_shards_of_run(RunConfig& config, const RunDirectory& directory, Communicator& ranks) {
  if (config.data.shards != 0) return;
  const std::string shards = text_from_rank_zero(ranks, [&] {
    const bool resumes = directory.holds_run();
    return std::to_string(resumes ? read_run_config(directory.root()).data.shards : 0);
  });
  config.data.shards = std::stoll(shards);
}

void choose_shards(RunConfig& config, int64_t dataset_size, int ranks) {
  if (config.data.shards != 0) return;
  check_divisible(dataset_size, config.data.shards, config.train.batch_size, ranks);
  config.data.shards = automatic_shards(dataset_size, config.train.batch_size, ranks);
}

}  // namespace gm
