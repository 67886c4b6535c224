/// Turns `data.path` into a path that ImageDataset can open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/augmentation.h"
#include "data/data_config.h"
#include "data/image_dataset.h"

namespace gm {

/// Returns the path of an HDF5 file, or of a folder of them, unchanged. Packs a folder of images,
/// or a single image, into the cache, with progress, unless a packed copy of the same content
/// exists; returns the path of the copy. Several programs may do this at the same time. Logs what
/// is left out of a folder. The copy has `channels` channels: 3 (RGB), or 1 (luma, see
/// decode_image()). Call it on one rank only; the others open the returned path. Throws InputError
/// when there are no images, or one of them cannot be used.
std::filesystem::path prepare_dataset(const DataConfig& config, int64_t channels = 3);

/// The result of prepare_dataset() for 3 channels if it needs no work; nullopt if images must be
/// read or packed first. Throws InputError like prepare_dataset().
std::optional<std::filesystem::path> find_prepared_dataset(const DataConfig& config);

/// The names of the images of a folder, or of a single image, in packing order: their paths in the
/// folder, without the extension. Empty if `path` is an HDF5 file or a folder of them. Throws
/// InputError when two images have the same name.
std::vector<std::string> image_names(const std::filesystem::path& path);

/// `path` if it is a folder, or the parent folder of a single image; empty for an HDF5 file.
std::filesystem::path folder_of_images(const std::filesystem::path& path);

/// Throws InputError, with a hint how to pack or configure, unless the images are image_size x
/// image_size.
void require_image_size(const ImageDataset& dataset, int64_t image_size);

/// Throws InputError, with a hint how to pack or configure, when a nonzero data.holdout differs
/// from the fraction that the files were packed with.
void require_holdout(const ImageDataset& dataset, double holdout);

/// The options from data.resize_crop and data.flip.
AugmentationOptions augmentation_options(const DataConfig& config);

}  // namespace gm
