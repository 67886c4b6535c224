#include "run/seen_pictures.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/prepare.h"
#include "run/make_task.h"

namespace gm {
namespace {

int64_t seen_pictures(const ImageDataset& pictures, const ImageDataset& training) {
  const std::vector<uint64_t> known = training.picture_hashes();
  int64_t seen = 0;
  for (int64_t i = 0; i < pictures.size(); ++i) {
    leave_if_asked_to_stop();
    if (std::ranges::binary_search(known, pictures.picture_hash(i))) ++seen;
  }
  return seen;
}

/// The pictures that the run was trained on. Throws InputError where it is not sure of them.
ImageDataset training_pictures(const TrainedRun& run) {
  const RunConfig config = read_run_config(run.name);  // as it was trained
  const auto path = find_prepared_dataset(config.data);
  if (!path) throw InputError("{}: no packed pictures are there", config.data.path);
  ImageDataset training(*path, config.data.classes, Part::kTraining);
  const auto masks = open_training_masks(config, training.shape());
  if (training_data_hash(training, masks.get()) != run.data_hash) {
    throw InputError("{}: other pictures or masks are there now", config.data.path);
  }
  return training;
}

}  // namespace

void warn_of_seen_pictures(const ImageDataset& pictures, const TrainedRun& run) {
  int64_t seen = 0;
  try {
    seen = seen_pictures(pictures, training_pictures(run));
  } catch (const StopRequested&) {
    throw;
  } catch (const std::exception& error) {  // a folder that we may not look into is no Error
    log_warning(
        "{}: nobody knows whether it was trained on pictures of this evaluation, as what it was "
        "trained on cannot be looked at: {}",
        run.name, error.what());
    return;
  }
  if (seen == 0) return;
  log_warning(
      "{}: was trained on {} of the {} pictures: its figures flatter it; hold some out with "
      "gm_data pack --holdout",
      run.name, seen, pictures.size());
}

}  // namespace gm
