/// One HDF5 file of images, opened read-only and checked before anything is allocated.
///
/// The format, version 1, or version 2 with held-out images:
///   /images        uint8 [N,H,W,C], C = 1 or 3; contiguous if written by gm_data
///   /labels        int64 [N], optional
///   /classes       strings, optional: the name of label i
///   /block_hashes  strings of 32 hexadecimal digits, optional: XXH3-128 of each block of images
///   /held_out      uint8 [N], in version 2: 1 for a held-out image, otherwise 0
///
/// Attributes of the root: format_version (1 or 2), content_hash (string), block_images (images in
/// a block; the last one may be shorter), holdout (float64, in version 2: the fraction held out, by
/// hash of the pixels).
///
/// Files of other programs need only /images. A file without format_version is read as version 1,
/// but it may have held-out images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/image_shape.h"

namespace gm {

class Hdf5Images {
 public:
  static constexpr int64_t kFormatVersion = 1;
  /// The version of files with held-out images: older programs must refuse them, because they would
  /// train on these images.
  static constexpr int64_t kHoldoutFormatVersion = 2;

  /// Throws InputError, which names the file, the dataset, what was found and what is expected,
  /// when `path` is not such a file: not HDF5, truncated, another version, type, rank or shape, no
  /// images, missing held-out marks, data in other files, or not finished.
  explicit Hdf5Images(const std::filesystem::path& path);
  ~Hdf5Images();
  Hdf5Images(Hdf5Images&&) noexcept;
  Hdf5Images& operator=(Hdf5Images&&) noexcept;

  const std::filesystem::path& path() const;
  int64_t format_version() const;  ///< kFormatVersion if the file does not say it.
  int64_t size() const;            ///< Number of images, at least 1.
  const ImageShape& shape() const;
  bool has_labels() const;
  const std::vector<std::string>& classes() const;  ///< Empty if the file has no class names.

  /// Copies image `index` to `pixels`, shape().bytes() values [H,W,C]. May be called from several
  /// threads. Throws Error when reading fails.
  void read_image(int64_t index, std::span<uint8_t> pixels) const;
  /// Copies images [first, first + count) to `pixels`.
  void read_images(int64_t first, int64_t count, std::span<uint8_t> pixels) const;
  /// Label of image `index`. Expects has_labels().
  int64_t label(int64_t index) const;
  /// All labels. Empty when there are none.
  std::vector<int64_t> labels() const;

  bool has_held_out() const;
  /// For each image: 1 if it is held out, else 0. Empty if the file does not store this. Throws
  /// InputError for any other value.
  std::vector<uint8_t> held_out() const;
  /// The fraction that gm_data held out; 0 if none.
  double holdout() const;

  /// The stored hash of the whole content. If there is none (the file is not from gm_data): a hash
  /// of the shape, the number of images and a sample of the images.
  std::string content_hash() const;
  /// Whether content_hash() is the stored one.
  bool has_content_hash() const;
  /// Whether images are read directly with pread, without the HDF5 library.
  bool is_contiguous() const;

  /// Reads the whole file and compares it with the stored hashes. Throws InputError that lists the
  /// damaged images, or says that the file has no hashes.
  void verify() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace gm
