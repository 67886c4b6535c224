/// From what the user names as `data.path` to something that ImageDataset opens.
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

/// An HDF5 file or a folder of them is returned as it is. A folder of images, or one image, is
/// packed into the cache, with progress, unless a packed copy of the same content is there already;
/// the copy's path is returned. Several programs may do so at once. What is left out of a folder is
/// logged. The copy has `channels`: 3, or 1 for the images' luma, as decode_image() gives
/// it. Only one rank may call it; the others open the path that it returned. Throws InputError when
/// there are no images, or one of them cannot be used.
std::filesystem::path prepare_dataset(const DataConfig& config, int64_t channels = 3);

/// What prepare_dataset() would return without any work, for colour; nothing where it would have to
/// pack or to read images first. Throws InputError as it does.
std::optional<std::filesystem::path> find_prepared_dataset(const DataConfig& config);

/// The names of the images of a folder, or of one image, in the order in which they are packed:
/// their paths in the folder, without the ending. Empty when `path` is a file or a folder of HDF5
/// files. Throws InputError when two of them have one name.
std::vector<std::string> image_names(const std::filesystem::path& path);

/// `path` when it is a folder, or the folder in which one image lies; empty for an HDF5 file.
std::filesystem::path folder_of_images(const std::filesystem::path& path);

/// Throws InputError, saying how to pack or configure, unless images are image_size x image_size.
void require_image_size(const ImageDataset& dataset, int64_t image_size);

/// Throws InputError, saying how to pack or configure, when data.holdout asks for another fraction
/// than the one that the files were packed with.
void require_holdout(const ImageDataset& dataset, double holdout);

/// What data.resize_crop and data.flip ask for.
AugmentationOptions augmentation_options(const DataConfig& config);

}  // namespace gm
