/// The files that gm_sample writes, one for each image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/sampling.h"
#include "image/image_shape.h"

namespace gm {

/// Throws InputError unless `count` images and their grid fit the memory limit of 1 GiB. Each image
/// is `squares` squares of `shape`, side by side.
void require_memory(int64_t count, const ImageShape& shape, int64_t squares);

/// The PNG files of `count` images in `folder`: with `names`, or numbered if there are none.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder, int64_t count,
                                               const std::vector<std::string>& names);

/// Throws InputError when one of the `files` in `folder` (--images), or the folder itself, is one
/// of the `outputs`, or when a file is the mask at `mask`; empty names are ignored.
void require_other_files(const std::vector<std::filesystem::path>& files, const std::string& folder,
                         const std::string& mask, const std::vector<std::string>& outputs);

/// Writes the last square of each image of a batch (with --inpaint, this is the inpainted image) to
/// the file with its index. Creates sub-folders. Throws Error when a file cannot be written.
void write_images(const std::vector<std::filesystem::path>& files, const PixelBatch& batch);

}  // namespace gm
