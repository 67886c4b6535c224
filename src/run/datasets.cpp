#include "run/datasets.h"

#include <algorithm>
#include <filesystem>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/log.h"
#include "comm/consistency.h"
#include "data/class_names.h"
#include "data/label_counts.h"
#include "data/mask_shapes.h"
#include "data/masks.h"
#include "data/pack_folder_to_cache.h"
#include "run/make_task.h"

namespace gm {
namespace {

/// Warns of images whose label names no class: `classes` cannot select them.
void warn_of_images_without_class(const ImageDataset& dataset, const std::string& classes) {
  if (means_all_classes(classes)) return;
  const auto others = count_labels(dataset).of_others;
  if (others.empty()) return;
  log_warning("{}: {}: data.classes = \"{}\" leaves them out", dataset.file_path(0).string(),
              describe_labels(others), classes);
}

/// The images at `packed` with these classes; without a `part` as in open_dataset().
std::shared_ptr<const ImageDataset> open_part(const std::string& packed, const std::string& classes,
                                              std::optional<Part> part,
                                              Communicator& communicator) {
  if (!part) {
    const bool has_any = ImageDataset(packed, classes).has_held_out();
    part = has_any ? Part::kHeldOut : Part::kAll;
  }
  auto dataset = std::make_shared<const ImageDataset>(packed, classes, *part);
  require_same_everywhere(communicator, "the dataset", dataset->content_hash());
  return dataset;
}

}  // namespace

std::shared_ptr<const ImageDataset> open_dataset(const std::string& packed,
                                                 const DataConfig& config, std::optional<Part> part,
                                                 Communicator& communicator) {
  auto dataset = open_part(packed, config.classes, part, communicator);
  require_image_size(*dataset, config.image_size);
  require_holdout(*dataset, config.holdout);
  if (communicator.rank() == 0) warn_of_images_without_class(*dataset, config.classes);
  return dataset;
}

std::shared_ptr<const ImageDataset> open_images(const std::string& packed, const LoadedRun& run,
                                                const ImageChoice& choice,
                                                Communicator& communicator) {
  auto images = choice.path.empty()
                    ? open_dataset(packed, run.config.data, choice.part, communicator)
                    : open_part(packed, "all", choice.part, communicator);
  require_fit(*images, run);
  return images;
}

std::shared_ptr<const ImageDataset> open_references(const std::string& packed,
                                                    Communicator& communicator) {
  return open_part(packed, "all", Part::kAll, communicator);
}

std::shared_ptr<const ImageDataset> open_training_part(const LoadedRun& run,
                                                       Communicator& communicator) {
  const std::string packed = prepare_data(run, {}, communicator);
  auto images = open_dataset(packed, run.config.data, Part::kTraining, communicator);
  require_training_images(*images, run);
  return images;
}

void require_files_on_ranks(const ImageDataset& dataset, const IndexRange& needed,
                            Communicator& communicator) {
  std::string problem;
  try {
    dataset.require_files(needed.first, needed.end);
  } catch (const InputError& error) {
    problem = error.what();
  }
  const std::vector<std::string> problems = communicator.all_gather_text(problem);
  for (size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    throw InputError("rank {} needs a file that it does not have: {}", rank, problems[rank]);
  }
}

void require_fit(const ImageDataset& images, const LoadedRun& run) {
  const ImageShape &theirs = images.shape(), &ours = run.shape;
  if (theirs.height == ours.height && theirs.width == ours.width &&
      theirs.channels == ours.channels) {
    return;
  }
  throw InputError(
      "{}: images of {}x{}x{}, but the model of {} takes {}x{}x{}; pack them with gm_data pack "
      "--size {}{}",
      images.file_path(0).string(), theirs.height, theirs.width, theirs.channels, run.name,
      ours.height, ours.width, ours.channels, ours.height, ours.channels == 1 ? " --grey" : "");
}

void require_training_images(const ImageDataset& images, const LoadedRun& run) {
  const RunConfig config = read_run_config(run.name);  // without overrides
  const auto masks = open_training_masks(config, images.shape());
  if (training_data_hash(images.content_hash(), masks.get()) != run.data_hash) {
    throw InputError("{}: the images or masks have changed since training", config.data.path);
  }
}

MaskConfig override_mask(MaskConfig mask, const std::string& kind_or_path) {
  if (kind_or_path.empty()) return mask;
  const auto kind = value_named<MaskKind>(kind_or_path);
  if (kind && *kind != MaskKind::kFiles) {
    mask.kind = *kind;
    mask.path = "";
    return mask;
  }
  if (std::error_code reason; !std::filesystem::exists(kind_or_path, reason)) {
    std::vector<std::string> kinds = all_names<MaskKind>();
    std::erase(kinds, name_of(MaskKind::kFiles));
    throw InputError("--mask {}: neither a kind of mask ({}) nor a file or folder{}", kind_or_path,
                     fmt::join(kinds, ", "), reason ? ": " + reason.message() : "");
  }
  mask.kind = MaskKind::kFiles;
  mask.path = kind_or_path;
  return mask;
}

}  // namespace gm
