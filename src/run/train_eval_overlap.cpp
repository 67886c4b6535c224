#include "run/train_eval_overlap.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/pack_folder_to_cache.h"
#include "run/make_task.h"

namespace gm {
namespace {

int64_t seen_images(const ImageDataset& images, const ImageDataset& training) {
  const std::vector<uint64_t> known = training.image_hashes();
  int64_t seen = 0;
  for (int64_t i = 0; i < images.size(); ++i) {
    throw_if_stop_requested();
    if (std::ranges::binary_search(known, images.image_hash(i))) ++seen;
  }
  return seen;
}

/// The images that the run was trained on. Throws InputError where it is not sure of them.
ImageDataset training_images(const LoadedRun& run) {
  const RunConfig config = read_run_config(run.name);  // as it was trained
  const auto path = find_prepared_dataset(config.data);
  if (!path) throw InputError("{}: no packed images are there", config.data.path);
  ImageDataset training(*path, config.data.classes, Part::kTraining);
  const auto masks = open_training_masks(config, training.shape());
  if (training_data_hash(training, masks.get()) != run.data_hash) {
    throw InputError("{}: other images or masks are there now", config.data.path);
  }
  return training;
}

}  // namespace

void warn_of_overlap(const ImageDataset& images, const LoadedRun& run) {
  int64_t seen = 0;
  try {
    seen = seen_images(images, training_images(run));
  } catch (const StopRequested&) {
    throw;
  } catch (const std::exception& error) {  // a folder that we may not look into is no Error
    log_warning(
        "{}: nobody knows whether it was trained on images of this evaluation, as what it was "
        "trained on cannot be looked at: {}",
        run.name, error.what());
    return;
  }
  if (seen == 0) return;
  log_warning(
      "{}: was trained on {} of the {} images: its figures flatter it; hold some out with "
      "gm_data pack --holdout",
      run.name, seen, images.size());
}

}  // namespace gm
