/// One HDF5 file of images, opened read-only and checked before anything is allocated.
///
/// The format, version 1, or 2 with a part that is held out:
///   /images        uint8 [N,H,W,C], C = 1 or 3; contiguous when written by gm_data
///   /labels        int64 [N], optional
///   /classes       strings, optional: the name of label i
///   /block_hashes  strings of 32 hexadecimal digits, optional: XXH3-128 of each block of images
///   /held_out      uint8 [N], in version 2: 1 for an image that is kept from training, otherwise
///   0 attributes of the root: format_version (1 or 2), content_hash (string), block_images
///   (images in a block; the last one may be shorter), holdout (float64: the fraction held out,
///   by hash of the pixels; in version 2)
/// Files of others need only /images, and may hold out what they like: format_version is then taken
/// to be 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/image_shape.h"

namespace gm {

class Hdf5Images {
 public:
  static constexpr int64_t kFormatVersion = 1;
  /// Of files with a part that is held out: a program that does not know of it would train on it.
  static constexpr int64_t kHoldoutFormatVersion = 2;

  /// Throws InputError, naming file, dataset, what was found and what is expected, when `path` is
  /// not such a file: not HDF5, truncated, another version, type, rank or shape, no images, a
  /// part that is held out but not named, or data that lies in other files.
  explicit Hdf5Images(const std::filesystem::path& path);
  ~Hdf5Images();
  Hdf5Images(Hdf5Images&&) noexcept;
  Hdf5Images& operator=(Hdf5Images&&) noexcept;

  const std::filesystem::path& path() const;
  int64_t size() const;  ///< Number of images, at least 1.
  const ImageShape& shape() const;
  bool has_labels() const;
  const std::vector<std::string>& classes() const;  ///< Empty when the file names none.

  /// Copies image `index` to `pixels`, shape().bytes() values [H,W,C]. May be called from several
  /// threads. Throws Error when the file cannot be read any more.
  void read_image(int64_t index, std::span<uint8_t> pixels) const;
  /// Copies images [first, first + count) to `pixels`.
  void read_images(int64_t first, int64_t count, std::span<uint8_t> pixels) const;
  /// Label of image `index`. Expects has_labels().
  int64_t label(int64_t index) const;
  /// All labels. Empty when there are none.
  std::vector<int64_t> labels() const;

  bool has_held_out() const;
  /// Of each image, whether it is kept from training (1) or not (0). Empty when the file does not
  /// say. Throws InputError when it says anything else.
  std::vector<uint8_t> held_out() const;
  /// The fraction that gm_data held out; 0 where it held out none.
  double holdout() const;

  /// The stored hash of everything that the file holds; when there is none (a file of others), a
  /// hash of its shape, its number of images and a sample of its images.
  std::string content_hash() const;
  /// Whether content_hash() is the stored one.
  bool has_content_hash() const;
  /// Whether images are read with pread, past the HDF5 library.
  bool is_contiguous() const;

  /// Reads everything and compares with the stored hashes. Throws InputError that names the damaged
  /// images, or says that the file has no hashes.
  void verify() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace gm
