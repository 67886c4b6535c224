/// All images of a run with one common index: an HDF5 file, or a folder of HDF5 files with images
/// of the same shape.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/hdf5_images.h"
#include "data/image_manifest.h"
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

class ImageDataset {
 public:
  /// Opens `path`: an image file (see hdf5_images.h), or a folder of them (`*.h5`, `*.hdf5`), in
  /// the order of their names. `classes` is `all`, or the names of the classes to keep, separated
  /// by commas. Every rank opens its own object.
  ///
  /// Without a manifest (image_manifest.h), all files of a folder are opened now. With one, a file
  /// is opened when one of its images is read for the first time: files with images that this rank
  /// never reads may be missing. A file that differs from the manifest is refused then.
  ///
  /// Throws InputError when the path does not exist, a file or the manifest is invalid, files
  /// differ in shape or classes, a class is unknown, or there are no images of that class and part.
  explicit ImageDataset(const std::filesystem::path& path, std::string_view classes = "all",
                        Part part = Part::kAll);
  ~ImageDataset();
  ImageDataset(ImageDataset&&) noexcept;
  ImageDataset& operator=(ImageDataset&&) noexcept;

  int64_t size() const { return size_; }  ///< Number of images, at least 1.
  const ImageShape& shape() const { return traits_.shape; }
  bool has_labels() const { return traits_.has_labels; }
  const std::vector<std::string>& classes() const { return traits_.classes; }
  bool has_held_out() const { return traits_.has_held_out; }
  Part part() const { return part_; }
  /// Hash of the content hashes of the files and of the chosen classes and part; with a manifest or
  /// without. Fast, because it does not read images. Ranks compare it to check that they train on
  /// the same data.
  std::string content_hash() const;

  size_t file_count() const { return files_.size(); }
  /// The path of file `f`, also if it is missing.
  const std::filesystem::path& file_path(size_t f) const;
  /// The fraction of file `f` that was held out when it was packed.
  double holdout(size_t f) const;
  /// File `f`, with all of its images. Opens it if it is not open yet, with the errors of
  /// read_image().
  const Hdf5Images& file(size_t f) const;
  /// Null if there is none.
  const ImageManifest* manifest() const { return manifest_.get(); }

  /// Copies image `index` to `pixels`, shape().bytes() values [H,W,C]. May be called from several
  /// threads. Throws InputError, which names the file, when it is missing or differs from the
  /// manifest, Error when reading fails.
  void read_image(int64_t index, std::span<uint8_t> pixels) const;
  /// Label of image `index`, an index of classes(). Expects has_labels().
  int64_t label(int64_t index) const;
  /// Hash of the pixels of image `index`; used to find images that two datasets share.
  uint64_t image_hash(int64_t index) const;
  /// The sorted, unique hashes of all images. Reads every image; needs 8 bytes of memory per image.
  std::vector<uint64_t> image_hashes() const;

  /// Throws InputError, which names the file, when a file with an image of [first, end) is missing
  /// or has another length than in the manifest. Opens no files, so that it can be called for
  /// many.
  void require_files(int64_t first, int64_t end) const;
  /// Reads all files and compares them with their stored hashes and with the manifest. Throws
  /// InputError as Hdf5Images::verify(), or when the manifest is wrong.
  void verify() const;

 private:
  class File;
  /// Which images are chosen.
  struct Selection {
    std::set<int64_t> labels = {};  ///< Empty: all.
    Part part = Part::kAll;

    bool is_all() const { return labels.empty() && part == Part::kAll; }
    bool has(int64_t label, bool held_out) const;
  };
  struct Place {
    const Hdf5Images& file;
    int64_t index;
  };

  void add_files(const std::filesystem::path& path);
  void select_classes(std::string_view names);
  void select_part();
  void count_selected();
  Place place_of(int64_t index) const;

  std::shared_ptr<const ImageManifest> manifest_;
  ImageTraits traits_;
  std::vector<std::unique_ptr<File>> files_;
  Selection selection_;
  std::string selection_text_;  // for the content hash
  Part part_;
  std::vector<int64_t> ends_;  // ends_[f] = chosen images in files 0..f
  int64_t size_ = 0;
};

}  // namespace gm
