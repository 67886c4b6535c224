/// Opens the datasets for training, sampling and evaluation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "data/shard_order.h"
#include "run/load_run.h"

namespace gm {

/// The images that a user chooses.
struct ImageChoice {
  std::string path = {};  ///< Empty: the dataset of the run.
  /// "held_out", "training" or "all"; empty: held out if there are any, else all.
  std::string part = {};
};

/// A part of the images at config.path. Without a `part`: the held-out images or, if there are
/// none, all images. All ranks get the same. Rank 0 first packs a folder, see prepare_dataset().
/// Throws InputError when the images cannot be used, or are not of config.image_size.
std::shared_ptr<const ImageDataset> open_dataset(const DataConfig& config, std::optional<Part> part,
                                                 Communicator& communicator);

/// The images that a user chose for `run`. Defaults: the dataset of the run, and its held-out
/// images or, if there are none, all. The images of a folder are converted to grey if the run's
/// images are grey. Throws InputError when the images do not fit the model of the run.
std::shared_ptr<const ImageDataset> open_images(const LoadedRun& run, const ImageChoice& choice,
                                                Communicator& communicator);

/// Throws InputError on every rank, which names a rank and its file, unless every rank has the
/// files with the images that it reads; `needed` may differ between ranks. Only files that a
/// manifest describes can be missing (data/image_manifest.h). Called by all ranks.
void require_files_on_ranks(const ImageDataset& dataset, const IndexRange& needed,
                            Communicator& communicator);

/// Throws InputError, with a hint how to pack them, unless the images have the shape that the model
/// of `run` expects.
void require_fit(const ImageDataset& images, const LoadedRun& run);

/// `mask`, changed to the masks that a user names: a kind of mask.kind, or a path to mask files.
/// Empty changes nothing. Throws InputError when the name is neither.
MaskConfig override_mask(MaskConfig mask, const std::string& kind_or_path);

}  // namespace gm
