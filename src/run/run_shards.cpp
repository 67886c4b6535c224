#include "run/run_shards.h"

#include <string>

#include "base/log.h"
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
  const int64_t batch = config.train.batch_size;
  config.data.shards = automatic_shards(dataset_size, batch, ranks);
  const int64_t by_one_rank = automatic_shards(dataset_size, batch, 1);
  if (config.data.shards == by_one_rank) return;
  log_info(
      "data.shards is {}, as {} ranks do not divide {}; to compare runs on different numbers of "
      "ranks, give the same data.shards to all",
      config.data.shards, ranks, by_one_rank);
}

}  // namespace gm
