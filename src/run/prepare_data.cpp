#include "run/prepare_data.h"

#include "comm/on_rank_zero.h"
#include "data/pack_folder_to_cache.h"

namespace gm {

std::string prepare_data(const DataConfig& config, Communicator& communicator, int64_t channels) {
  return text_from_rank_zero(communicator,
                             [&] { return prepare_dataset(config, channels).string(); });
}

std::string prepare_data(const LoadedRun& run, const ImageChoice& choice,
                         Communicator& communicator) {
  DataConfig config = run.config.data;
  if (choice.path.empty()) return prepare_data(config, communicator);
  config.path = choice.path;
  config.classes = "all";
  config.holdout = 0;
  return prepare_data(config, communicator, run.shape.channels);
}

}  // namespace gm
