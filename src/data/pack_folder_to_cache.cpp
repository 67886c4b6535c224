#include "data/pack_folder_to_cache.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "base/cache_folder.h"
#include "base/enum_names.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/progress_bar.h"
#include "base/signals.h"
#include "data/folder_entries.h"
#include "data/hdf5_images.h"
#include "data/pack/folder_listing.h"
#include "data/pack/pack.h"
#include "data/pack/source.h"
#include "image/decode.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// Whether the folder contains HDF5 image files rather than images.
bool holds_hdf5_files(const fs::path& folder) {
  const FolderEntries entries = entries_of(folder);
  const auto first = std::ranges::find_if(entries.files, is_hdf5_name);
  if (first == entries.files.end()) return false;
  if (!survey_folder(folder).classes.empty()) {
    throw InputError(
        "{}: holds HDF5 files ({}) beside sub-folders of images; name the file, or "
        "move it away to train on the sub-folders",
        folder.string(), first->filename().string());
  }
  return true;
}

void log_ignored_images(const fs::path& path) {
  std::error_code nothing_there;
  if (!fs::is_directory(path, nothing_there)) return;
  const auto beside = survey_folder(path).images.size();
  if (beside > 0)
    log_info("{}: its HDF5 files are read; {} images beside them are left out", path.string(),
             beside);
}

/// Whether `path` is a folder of images or an image, not HDF5 files. Throws InputError when it does
/// not exist.
bool names_images(const fs::path& path) {
  std::error_code nothing_there;
  if (fs::status(path, nothing_there).type() == fs::file_type::not_found) {
    throw InputError(
        "data.path: {}: no such file or folder; make the file with gm_data pack, or set data.path",
        path.string());
  }
  require_exists("data.path", path);
  return fs::is_directory(path) ? !holds_hdf5_files(path) : is_image_file(path);
}

/// Hash of the names, sizes and times of all files. If it is unchanged, the contents are not read
/// again.
std::string metadata_hash(const FolderListing& listing) {
  Hash hash;
  for (const auto& image : listing.images) {
    std::error_code ignored;  // such a file cannot be read either; packing reports the error
    const auto time = fs::last_write_time(image.path, ignored).time_since_epoch().count();
    hash.add(fmt::format("{}\n{} {}\n", fs::absolute(image.path).string(),
                         fs::file_size(image.path, ignored), time));
  }
  return hash.hex();
}

/// Hash of the bytes and classes of all images; independent of the location of the folder.
std::string content(const FolderListing& listing) {
  ProgressBar progress("reading", static_cast<int64_t>(listing.images.size()));
  Hash hash;
  hash.add(fmt::format("{}\n", fmt::join(listing.classes, "\n")));
  for (const auto& image : listing.images) {
    throw_if_stop_requested();
    hash.add(fmt::format("{} ", image.label)).add(hash_file(image.path));
    progress.advance();
  }
  return hash.hex();
}

/// The cache file that stores the content() hash for a folder with this metadata_hash().
fs::path content_hash_file(const FolderListing& listing, const fs::path& cache) {
  return cache / (metadata_hash(listing) + ".content");
}

std::string read_content_hash(const fs::path& hash_file_path) {
  constexpr size_t kHexBytes = 32;
  return read_file(hash_file_path, kHexBytes);
}

std::string cached_content_hash(const FolderListing& listing, const fs::path& cache) {
  const fs::path hash_file_path = content_hash_file(listing, cache);
  if (fs::exists(hash_file_path)) return read_content_hash(hash_file_path);
  const std::string hash = content(listing);
  write_file_atomically(hash_file_path, hash);
  return hash;
}

/// The path of the packed copy of a folder with this content hash, for this version of the decoder.
fs::path packed_copy(const DataConfig& config, int64_t channels, const std::string& content,
                     const fs::path& cache) {
  std::string key = fmt::format("{} {} {} {} {}", Hdf5Images::kFormatVersion, kDecoderVersion,
                                config.image_size, name_of(config.fit), content);
  if (config.holdout > 0) key += fmt::format(" holdout {}", config.holdout);
  if (channels == 1) key += " grey";
  return cache / (Hash().add(key).hex() + ".h5");
}

bool is_intact(const fs::path& path) {
  if (!fs::exists(path)) return false;
  try {
    const Hdf5Images file(path);
    return true;
  } catch (const InputError& error) {
    log_warning("the packed copy is damaged and is packed again: {}", error.what());
    return false;
  }
}

/// Another run may pack the same images at the same time. The last one replaces the file by an
/// equal one; a process that has the old file open can still read it.
void pack_into(const fs::path& packed, const FolderListing& listing, const DataConfig& config,
               bool grey) {
  const auto source = open_folder_source(listing, {.grey = grey});
  StagedPath staged(packed);
  pack_images(*source, {.output = staged.path(),
                        .size = config.image_size,
                        .fit = config.fit,
                        .holdout = config.holdout,
                        .grey = grey});
  staged.commit();
}

}  // namespace

fs::path prepare_dataset(const DataConfig& config, int64_t channels) {
  const fs::path path = config.path;
  if (!names_images(path)) {
    log_ignored_images(path);
    return path;
  }
  const FolderListing listing = list_images(path, config.classes);
  for (const std::string& remark : listing.remarks()) log_info("{}: {}", path.string(), remark);
  const fs::path cache = cache_folder(config.cache);
  create_cache_folder(cache);
  const fs::path packed = packed_copy(config, channels, cached_content_hash(listing, cache), cache);
  if (!is_intact(packed)) {
    log_info("packing {} images of {} into {}", listing.images.size(), path.string(),
             packed.string());
    pack_into(packed, listing, config, channels == 1);
  }
  return packed;
}

std::optional<fs::path> find_prepared_dataset(const DataConfig& config) {
  const fs::path path = config.path;
  if (!fs::exists(path)) return std::nullopt;
  if (!names_images(path)) return path;
  const FolderListing listing = list_images(path, config.classes);
  const fs::path cache = cache_folder(config.cache),
                 hash_file_path = content_hash_file(listing, cache);
  if (!fs::exists(hash_file_path)) return std::nullopt;
  const fs::path packed =
      packed_copy(config, /*channels=*/3, read_content_hash(hash_file_path), cache);
  return fs::exists(packed) ? std::optional(packed) : std::nullopt;
}

std::vector<std::string> image_names(const fs::path& path) {
  if (!names_images(path)) return {};
  const FolderListing listing = list_images(path, "all");
  std::vector<std::string> names;
  for (const ImagePath& image : listing.images) {
    names.push_back(image.path.lexically_relative(listing.folder).replace_extension().string());
  }
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    throw InputError(
        "{}: two images are called {}, apart from the file extension; rename one of them",
        path.string(), *twice);
  }
  return names;
}

fs::path folder_of_images(const fs::path& path) {
  std::error_code nothing_there;
  if (fs::is_directory(path, nothing_there)) return path;
  if (!names_images(path)) return {};
  return path.has_parent_path() ? path.parent_path() : ".";
}

void require_image_size(const ImageDataset& dataset, int64_t image_size) {
  const auto& shape = dataset.shape();
  if (shape.height == image_size && shape.width == image_size) return;
  throw InputError(
      "{}: holds images of {} x {}, but data.image_size is {}; set data.image_size, or pack them "
      "again with --size {}",
      dataset.file_path(0).string(), shape.width, shape.height, image_size, image_size);
}

void require_holdout(const ImageDataset& dataset, double holdout) {
  if (holdout == 0) return;
  for (size_t f = 0; f < dataset.file_count(); ++f) {
    if (dataset.holdout(f) == holdout) continue;
    throw InputError(
        "{}: was packed with --holdout {}, but data.holdout is {}; leave out data.holdout, or pack "
        "the images again with --holdout {}",
        dataset.file_path(f).string(), dataset.holdout(f), holdout, holdout);
  }
}

AugmentationOptions augmentation_options(const DataConfig& config) {
  return {.resize_crop = config.resize_crop, .flip = config.flip};
}

}  // namespace gm
