/// The packing of images: the first step of every program that reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "data/data_config.h"
#include "data/image_dataset.h"
#include "run/load_run.h"

namespace gm {

/// The images that a user chooses.
struct ImageChoice {
  std::string path = {};  ///< Empty: the dataset of the run.
  /// Default: the held-out images or, if there are none, all.
  std::optional<Part> part = {};
};

/// The path of an HDF5 file, or of a folder of them, that holds the images at config.path. Rank 0
/// packs a folder of images, or a single image, with `channels` channels; see prepare_dataset().
/// This may take hours: programs call it once, after all checks that need no data and before they
/// build anything from data, and pass the result to those who open datasets. Called by all ranks,
/// which get the same path. Throws InputError on all of them when the images cannot be used.
std::string prepare_data(const DataConfig& config, Communicator& communicator,
                         int64_t channels = 3);

/// The same for the images that a user chose for `run`. Those of a folder that the user named are
/// converted to grey if the run's images are grey.
std::string prepare_data(const LoadedRun& run, const ImageChoice& choice,
                         Communicator& communicator);

}  // namespace gm
