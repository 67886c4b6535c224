/// Packing: images of any kind into image files that a run can read fast.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/image_shape.h"
#include "data/pack/source.h"

namespace gm {

struct PackOptions {
  std::filesystem::path input = {};   ///< A folder of images, or an IDX file.
  std::filesystem::path output = {};  ///< An HDF5 file, or a folder of them when shards > 1.
  int64_t size = 0;                   ///< Height and width; 0: the input's own, if it has one.
  std::string fit = "crop";           ///< As parse_fit() takes it.
  std::string classes = "all";
  int64_t shards = 1;
  double holdout = 0;     ///< Fraction that is kept from training, 0 to 0.9; chosen by content.
  int jobs = 0;           ///< Threads; 0: one for each core that this process may use.
  bool skip_bad = false;  ///< Leave out images that cannot be used, instead of ending.
  bool grey = false;
  std::optional<uint8_t> background = {};  ///< Behind transparent pixels; none: they are refused.
};

struct PackReport {
  int64_t packed = 0;
  int64_t held_out = 0;  ///< Of those packed.
  int64_t skipped = 0;
  std::vector<std::string> problems;  ///< The first of those skipped: file and reason.
  std::vector<std::string> remarks;   ///< Sentences on what else was left out or not found.
  ImageShape shape;
  double seconds = 0;
};

/// Packs with progress on the terminal. The output appears only when it is complete, verified and
/// on the disk; its bytes do not depend on the number of jobs. Memory: a window of finished
/// images of at most 64 MiB or two a job, one block of 4 MiB, and one decoded image for each
/// job. Throws InputError when the options or an image cannot be used, Error when writing fails.
PackReport pack_images(const PackOptions& options);
/// The same for a source that is open already, whatever options.input and options.classes are.
PackReport pack_images(ImageSource& source, const PackOptions& options);

}  // namespace gm
