/// All images of a run with one common index: an HDF5 file, or a folder of HDF5 files with images
/// of the same shape.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/hdf5_images.h"
#include "image/image_shape.h"

namespace gm {

/// A part of the images of a dataset.
enum class Part {
  kAll,
  kTraining,  ///< Images that are not held out; all images if none are held out.
  kHeldOut,   ///< Held-out images, which are never trained on.
};
constexpr auto names_of(Part) {
  using enum Part;
  return std::to_array<std::pair<Part, const char*>>(
      {{kHeldOut, "held_out"}, {kTraining, "training"}, {kAll, "all"}});
}

/// Whether a folder's entry counts as an image file: `*.h5` or `*.hdf5`, not hidden.
bool is_hdf5_name(const std::filesystem::path& path);

class ImageDataset {
 public:
  /// Opens `path`: an image file (see hdf5_images.h), or a folder of them (`*.h5`, `*.hdf5`), in
  /// the order of their names. `classes` is `all`, or the names of the classes to keep, separated
  /// by commas. Every rank opens its own object. Throws InputError when the path does not exist, a
  /// file is invalid, files differ in shape or classes, a class is unknown, or there are no images
  /// of that class and part.
  explicit ImageDataset(const std::filesystem::path& path, std::string_view classes = "all",
                        Part part = Part::kAll);

  int64_t size() const { return size_; }  ///< Number of images, at least 1.
  const ImageShape& shape() const { return files_.front().shape(); }
  bool has_labels() const;
  const std::vector<std::string>& classes() const { return files_.front().classes(); }
  const std::vector<Hdf5Images>& files() const { return files_; }
  bool has_held_out() const;
  Part part() const { return part_; }
  /// Hash of the content hashes of the files and of the chosen classes and part. Fast, because it
  /// does not read images. Ranks compare it to check that they train on the same data.
  std::string content_hash() const;

  /// Copies image `index` to `pixels`, shape().bytes() values [H,W,C]. May be called from several
  /// threads.
  void read_image(int64_t index, std::span<uint8_t> pixels) const;
  /// Label of image `index`, an index of classes(). Expects has_labels().
  int64_t label(int64_t index) const;
  /// Hash of the pixels of image `index`; used to find images that two datasets share.
  uint64_t image_hash(int64_t index) const;
  /// The sorted, unique hashes of all images. Reads every image; needs 8 bytes of memory per image.
  std::vector<uint64_t> image_hashes() const;

 private:
  struct Place {
    const Hdf5Images& file;
    int64_t index;
  };
  Place place_of(int64_t index) const;
  void drop_other_classes(std::string_view names, std::vector<bool>& wanted);
  void drop_other_part(Part part, std::vector<bool>& wanted);
  void select(const std::vector<bool>& wanted);

  std::vector<Hdf5Images> files_;
  std::vector<int64_t> ends_;      // ends_[f] = images in files 0..f
  std::vector<int64_t> selected_;  // indices of the chosen images; empty: all
  std::string selection_;
  Part part_;
  int64_t size_ = 0;
};

}  // namespace gm
