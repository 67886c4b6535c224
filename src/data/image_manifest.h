/// The manifest of a folder of HDF5 image files: `manifest.json`, which describes each file, so
/// that a rank needs only the files that hold its own images.
///
/// A JSON object:
///   format_version  1
///   shape           [H,W,C]
///   labels          whether the images have labels
///   classes         the names of the classes, as /classes of every file
///   held_out        whether the files say which images are held out
///   files           one object per file, in the order of their names:
///     name            in this folder
///     format_version  of the file
///     bytes           length of the file
///     images          number of images
///     content_hash    as Hdf5Images::content_hash()
///     holdout         the fraction that was held out
///     counts          [label, training images, held-out images] for each label; without labels,
///                     one entry with label 0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/hdf5_images.h"
#include "image/image_shape.h"

namespace gm {

/// What all files of a folder have in common.
struct ImageTraits {
  ImageShape shape;
  bool has_labels = false;
  bool has_held_out = false;
  std::vector<std::string> classes = {};

  bool operator==(const ImageTraits&) const = default;
};

ImageTraits traits_of(const Hdf5Images& file);

/// Throws InputError, which describes both, unless two files of a folder have the same traits.
void require_alike(const ImageTraits& first, const std::filesystem::path& first_path,
                   const ImageTraits& other, const std::filesystem::path& other_path);

struct ImageManifest {
  struct Count {
    int64_t label = 0;
    int64_t training = 0;
    int64_t held_out = 0;

    bool operator==(const Count&) const = default;
  };

  struct File {
    std::string name;
    int64_t format_version = 0;
    int64_t bytes = 0;
    int64_t images = 0;
    std::string content_hash;
    double holdout = 0;
    std::vector<Count> counts = {};  ///< Sorted by label.

    bool operator==(const File&) const = default;
  };

  ImageTraits traits;
  std::vector<File> files;  ///< At least one; sorted by name.
};

inline constexpr const char* kImageManifestName = "manifest.json";

/// The entry of a file. Reads its labels and held-out marks.
ImageManifest::File describe_file(const Hdf5Images& file);

/// Describes the HDF5 files that are in the folder now. Reads their labels and held-out marks.
/// Throws InputError when a file cannot be used, or when files are not alike.
ImageManifest describe_folder(const std::filesystem::path& folder);

/// Writes the manifest into the folder, in one step. Throws InputError when class names are not
/// UTF-8 or when it is too large to be read, Error when it cannot be written.
void write_manifest(const std::filesystem::path& folder, const ImageManifest& manifest);

/// The manifest in the folder; nullopt if there is none. Throws InputError, with its path, when it
/// is damaged, too large or contradicts itself, and when the folder holds HDF5 files that it does
/// not list.
std::optional<ImageManifest> read_manifest(const std::filesystem::path& folder);

/// Throws InputError, which says what differs, unless `file` is the file of this entry. Does not
/// read labels and, if the file stores its hash, no images.
void require_described(const Hdf5Images& file, const ImageTraits& traits,
                       const ImageManifest::File& entry);

}  // namespace gm
