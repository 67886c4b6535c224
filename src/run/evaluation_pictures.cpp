#include "run/evaluation_pictures.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "comm/consistency.h"
#include "comm/on_rank_zero.h"
#include "data/masks.h"
#include "data/prepare.h"

namespace gm {
namespace {

Part part_named(const std::string& name) {
  if (name == "training") return Part::kTraining;
  return name == "held_out" ? Part::kHeldOut : Part::kAll;
}

/// The pictures at config.path, packed by one rank if they are a folder.
std::string packed_path(const DataConfig& config, Communicator& communicator) {
  return text_from_rank_zero(communicator, [&] { return prepare_dataset(config).string(); });
}

int64_t seen_pictures(const ImageDataset& pictures, const ImageDataset& training) {
  const std::vector<uint64_t> known = training.picture_hashes();
  int64_t seen = 0;
  for (int64_t i = 0; i < pictures.size(); ++i) {
    if (std::ranges::binary_search(known, pictures.picture_hash(i))) ++seen;
  }
  return seen;
}

}  // namespace

std::shared_ptr<const ImageDataset> open_dataset(const DataConfig& config, Part part,
                                                 Communicator& communicator) {
  auto dataset =
      std::make_shared<const ImageDataset>(packed_path(config, communicator), config.classes, part);
  require_image_size(*dataset, config.image_size);
  require_holdout(*dataset, config.holdout);
  require_same_everywhere(communicator, "the data set", dataset->content_hash());
  return dataset;
}

std::shared_ptr<const ImageDataset> open_held_out(const DataConfig& config,
                                                  Communicator& communicator) {
  const bool has_any =
      ImageDataset(packed_path(config, communicator), config.classes).has_held_out();
  return open_dataset(config, has_any ? Part::kHeldOut : Part::kAll, communicator);
}

std::shared_ptr<const ImageDataset> open_pictures(const TrainedRun& run,
                                                  const PictureChoice& choice,
                                                  Communicator& communicator) {
  DataConfig config = run.config.data;
  if (!choice.path.empty()) {
    config.path = choice.path;
    config.classes = "all";
    config.holdout = 0;
  }
  auto pictures = choice.part.empty() ? open_held_out(config, communicator)
                                      : open_dataset(config, part_named(choice.part), communicator);
  require_fit(*pictures, run);
  return pictures;
}

void require_fit(const ImageDataset& pictures, const TrainedRun& run) {
  const ImageShape &theirs = pictures.shape(), &ours = run.shape;
  if (theirs.height == ours.height && theirs.width == ours.width &&
      theirs.channels == ours.channels) {
    return;
  }
  throw InputError("{}: pictures of {}x{}x{}, but the model of {} takes {}x{}x{}",
                   pictures.files().front().path().string(), theirs.height, theirs.width,
                   theirs.channels, run.name, ours.height, ours.width, ours.channels);
}

void warn_of_seen_pictures(const ImageDataset& pictures, const TrainedRun& run) {
  const DataConfig& data = run.config.data;
  if (!std::filesystem::exists(data.path)) {
    log_warning(
        "{}: was trained on {}, which is not there: nobody knows whether it has seen these "
        "pictures",
        run.name, data.path);
    return;
  }
  const ImageDataset training(prepare_dataset(data), data.classes, Part::kTraining);
  const int64_t seen = seen_pictures(pictures, training);
  if (seen == 0) return;
  log_warning(
      "{}: was trained on {} of the {} pictures: its figures flatter it; hold some out with "
      "gm_data "
      "pack --holdout",
      run.name, seen, pictures.size());
}

MaskConfig with_holes(MaskConfig mask, const std::string& kind_or_path) {
  if (kind_or_path.empty()) return mask;
  const bool is_kind = kind_or_path == "mixed" ||
                       std::ranges::find(kDrawnMaskKinds, kind_or_path) != kDrawnMaskKinds.end();
  if (is_kind) {
    mask.kind = kind_or_path;
    mask.path = "";
    return mask;
  }
  if (!std::filesystem::exists(kind_or_path)) {
    throw InputError("--mask {}: neither a kind of mask ({}, mixed) nor a file or folder",
                     kind_or_path, fmt::join(kDrawnMaskKinds, ", "));
  }
  mask.kind = "files";
  mask.path = kind_or_path;
  return mask;
}

}  // namespace gm
