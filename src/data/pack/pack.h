/// Packs images into HDF5 image files, which training can read fast.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/pack/source.h"
#include "image/fit.h"
#include "image/image_shape.h"

namespace gm {

struct PackOptions {
  std::filesystem::path input = {};  ///< A folder of images, or an IDX file.
  /// An HDF5 file; a folder of them, with a manifest, when shards > 1.
  std::filesystem::path output = {};
  int64_t size = 0;  ///< Height and width; 0: the size of the input, if it has one size.
  Fit fit = Fit::kCrop;
  std::string classes = "all";
  int64_t shards = 1;
  double holdout = 0;     ///< Held-out fraction, 0 to 0.9; chosen by content.
  int jobs = 0;           ///< Threads; 0: one per core that this process may use.
  bool skip_bad = false;  ///< Skip images that cannot be used, instead of failing.
  bool grey = false;
  /// Grey value behind transparent pixels; none: reject them.
  std::optional<uint8_t> background = {};
};

struct PackReport {
  int64_t packed = 0;
  int64_t held_out = 0;  ///< Among the packed images.
  int64_t skipped = 0;
  std::vector<std::string> problems;  ///< File and reason of the first skipped images.
  std::vector<std::string> remarks;   ///< Messages about what else was left out or not found.
  ImageShape shape;
  double seconds = 0;
};

/// Packs, with progress on the terminal. The output appears only after it is complete, verified and
/// on the disk; its bytes do not depend on the number of jobs. Memory: a window of finished images
/// (at most 64 MiB, or two images per job), one block of 4 MiB, and one decoded image per job.
/// Throws InputError when the options or an image cannot be used, Error when writing fails.
PackReport pack_images(const PackOptions& options);
/// The same for an open source; ignores options.input and options.classes.
PackReport pack_images(ImageSource& source, const PackOptions& options);

}  // namespace gm
