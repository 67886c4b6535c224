#include "run/seen_pictures.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "data/prepare.h"
#include "run/make_task.h"

namespace gm {
namespace {

int64_t seen_pictures(const ImageDataset& pictures, const ImageDataset& training) {
  const std::vector<uint64_t> known = training.picture_hashes();
  int64_t seen = 0;
  for (int64_t i = 0; i < pictures.size(); ++i) {
    if (std::ranges::binary_search(known, pictures.picture_hash(i))) ++seen;
  }
  return seen;
}

/// The pictures that the run was trained on, if they are still there.
std::optional<ImageDataset> training_pictures(const TrainedRun& run) {
  const RunConfig config = read_run_config(run.name);  // as it was trained
  const DataConfig& data = config.data;
  if (!std::filesystem::exists(data.path)) return std::nullopt;
  try {
    ImageDataset training(prepare_dataset(data), data.classes, Part::kTraining);
    if (training_data_hash(config, training) == run.data_hash) return training;
  } catch (const InputError&) {
    // Other data lie there now.
  }
  return std::nullopt;
}

}  // namespace

void warn_of_seen_pictures(const ImageDataset& pictures, const TrainedRun& run) {
  const auto training = training_pictures(run);
  if (!training) {
    log_warning(
        "{}: the pictures that it was trained on are not at {} any more: nobody knows whether it "
        "has seen those of this evaluation",
        run.name, run.config.data.path);
    return;
  }
  const int64_t seen = seen_pictures(pictures, *training);
  if (seen == 0) return;
  log_warning(
      "{}: was trained on {} of the {} pictures: its figures flatter it; hold some out with "
      "gm_data "
      "pack --holdout",
      run.name, seen, pictures.size());
}

}  // namespace gm
