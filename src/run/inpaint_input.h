/// The images and masks that a user of gm_sample wants to have inpainted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/mask_config.h"
#include "eval/masked_dataset.h"
#include "run/load_run.h"

namespace gm {

/// What the user names.
struct InpaintRequest {
  std::string images;       ///< A folder, an image file, or an HDF5 file.
  MaskConfig mask;          ///< Its path may be a folder with one mask for each image.
  bool names_mask = false;  ///< The user names the masks, instead of using those of the run.
  uint64_t seed = 0;        ///< Draws masks and noise.
};

struct InpaintInput {
  MaskedDataset masked;
  std::vector<std::string> names;  ///< Of the image files; empty for images from an HDF5 file.
  /// Each image has the mask of its name, instead of one that is drawn at random.
  bool masks_are_paired = false;
};

/// Throws InputError when the inpainted images, written to `folder` under the names of the
/// originals, would overwrite the originals or their masks. Needs no data.
void require_another_folder(const std::string& folder, const InpaintRequest& request);

/// Packs the images if needed, and opens them with their masks; all of them, in the order of their
/// files. Called by all ranks. Throws InputError when the images or masks cannot be used, or when
/// ranks have different masks.
InpaintInput open_inpaint_input(const InpaintRequest& request, const LoadedRun& run,
                                Communicator& communicator);

}  // namespace gm
