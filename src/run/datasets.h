/// Opens the images that runs are trained, shown and evaluated on.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "run/load_run.h"

namespace gm {

/// What a user says of the images.
struct ImageChoice {
  std::string path = {};  ///< Empty: the data of the run.
  std::string part = {};  ///< "held_out", "training" or "all"; empty: held out if there are any.
};

/// A part of the images at config.path or, without a `part`, those that are held out of training
/// and, where none are, all. The same on all ranks; one of them packs a folder first, with so many
/// `channels`, as prepare_dataset() says. Throws InputError when they cannot be used, or are not of
/// config.image_size.
std::shared_ptr<const ImageDataset> open_dataset(const DataConfig& config, std::optional<Part> part,
                                                 Communicator& communicator, int64_t channels = 3);

/// The images that a user chose for `run` or, for what the choice leaves open, those that the
/// run's data hold out. A folder's become grey for a run on grey images. Throws InputError when
/// they do not fit its model.
std::shared_ptr<const ImageDataset> open_images(const LoadedRun& run, const ImageChoice& choice,
                                                Communicator& communicator);

/// Throws InputError unless the model of `run` takes images like these.
void require_fit(const ImageDataset& images, const LoadedRun& run);

/// `mask`, changed by a user's word for the masks: a kind of mask.kind, or a path to mask files.
/// Empty changes nothing. Throws InputError when it is neither.
MaskConfig override_mask(MaskConfig mask, const std::string& kind_or_path);

}  // namespace gm
