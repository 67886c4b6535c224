/// Definitions shared by the reader and the writer of image files: names, and how content is
/// hashed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "image/image_shape.h"

namespace gm::hdf5_image_format {

inline constexpr const char* kImages = "/images";
inline constexpr const char* kLabels = "/labels";
inline constexpr const char* kClasses = "/classes";
inline constexpr const char* kBlockHashes = "/block_hashes";
inline constexpr const char* kHeldOut = "/held_out";
inline constexpr const char* kVersionAttribute = "format_version";
inline constexpr const char* kHashAttribute = "content_hash";
inline constexpr const char* kBlockAttribute = "block_images";
inline constexpr const char* kHoldoutAttribute = "holdout";
/// Of a file that was saved before it was complete: the number of images that it has.
inline constexpr const char* kFinishedAttribute = "finished_images";
inline constexpr size_t kHashDigits = 32;
inline constexpr int64_t kLargestSide = 8192;

/// Whether images may have this shape: sides of 1 to kLargestSide pixels, and 1 or 3 channels.
bool is_possible(const ImageShape& shape);

/// Number of images in a block of about 4 MiB, the unit of writing, hashing and verifying.
int64_t block_images(const ImageShape& shape);

/// Hash of the images of a block and of their labels (none: an empty span).
std::string hash_block(std::span<const uint8_t> pixels, std::span<const int64_t> labels);

/// Hash of the whole content of a file.
std::string hash_content(const ImageShape& shape, int64_t images,
                         const std::vector<std::string>& classes,
                         const std::vector<std::string>& block_hashes, double holdout);

/// Hash of the pixels of one image; identifies the image.
uint64_t hash_image(std::span<const uint8_t> pixels);

/// Whether an image belongs to the held-out fraction `holdout`. This depends only on its pixels, so
/// equal images are in the same part, in any order and in any file.
bool is_held_out(std::span<const uint8_t> pixels, double holdout);

}  // namespace gm::hdf5_image_format
