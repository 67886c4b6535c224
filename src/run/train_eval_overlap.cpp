#include "run/train_eval_overlap.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/pack_folder_to_cache.h"
#include "run/datasets.h"

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

/// The images that the run was trained on. Throws InputError when they are missing or may have
/// changed.
ImageDataset training_images(const LoadedRun& run) {
  const RunConfig config = read_run_config(run.name);  // without overrides
  const auto path = find_prepared_dataset(config.data);
  if (!path) throw InputError("{}: there is no packed copy of the images", config.data.path);
  ImageDataset training(*path, config.data.classes, Part::kTraining);
  require_training_images(training, run);
  return training;
}

}  // namespace

void warn_of_overlap(const ImageDataset& images, const LoadedRun& run) {
  int64_t seen = 0;
  try {
    seen = seen_images(images, training_images(run));
  } catch (const StopRequested&) {
    throw;
  } catch (const std::exception& error) {  // a folder without read permission throws no gm::Error
    log_warning(
        "{}: unknown whether it was trained on images of this evaluation, because its training "
        "data cannot be read: {}",
        run.name, error.what());
    return;
  }
  if (seen == 0) return;
  log_warning(
      "{}: was trained on {} of the {} images, so its figures are too good; hold images out with "
      "gm_data pack --holdout",
      run.name, seen, images.size());
}

void require_held_out(const ImageDataset& images, const ImageDataset& training) {
  constexpr int64_t kOneOf = 20;  // datasets have some images twice
  const int64_t seen = seen_images(images, training);
  if (seen * kOneOf < images.size()) return;
  throw InputError(
      "neighbours: {} of the {} images of {} are training images, but held-out images are needed: "
      "hold some out with gm_data pack --holdout, or name others with --data",
      seen, images.size(), images.file_path(0).string());
}

}  // namespace gm
