#include "data/image_dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/signals.h"
#include "data/class_names.h"
#include "data/folder_entries.h"
#include "data/hdf5_image_format.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> hdf5_file_paths(const fs::path& path) {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (status.type() == fs::file_type::not_found)
    throw InputError("{}: no such file or folder", path.string());
  if (!fs::is_directory(status)) return {path};
  std::vector<fs::path> paths = entries_of(path).files;
  std::erase_if(paths, [](const fs::path& file) { return !is_hdf5_name(file); });
  if (paths.empty())
    throw InputError("{}: the folder holds no HDF5 files (*.h5, *.hdf5)", path.string());
  return paths;
}

std::string describe(const Hdf5Images& file) {
  const auto& shape = file.shape();
  return fmt::format("[{},{},{}], {} labels, classes [{}], {} held out", shape.height, shape.width,
                     shape.channels, file.has_labels() ? "with" : "without",
                     fmt::join(file.classes(), ","), file.has_held_out() ? "some" : "none");
}

void check_alike(const Hdf5Images& first, const Hdf5Images& other) {
  if (first.shape() == other.shape() && first.has_labels() == other.has_labels() &&
      first.classes() == other.classes() && first.has_held_out() == other.has_held_out()) {
    return;
  }
  throw InputError("{} holds images {}, but {} holds {}; the files of a folder must be alike",
                   other.path().string(), describe(other), first.path().string(), describe(first));
}

}  // namespace

bool is_hdf5_name(const fs::path& path) {
  const auto ending = extension_of(path);
  return (ending == ".h5" || ending == ".hdf5") && !path.filename().string().starts_with(".");
}

ImageDataset::ImageDataset(const fs::path& path, std::string_view classes, Part part)
    : part_(part) {
  for (const auto& file_path : hdf5_file_paths(path)) {
    files_.emplace_back(file_path);
    check_alike(files_.front(), files_.back());
    size_ += files_.back().size();
    ends_.push_back(size_);
  }
  if (means_all_classes(classes) && part == Part::kAll) return;
  std::vector<bool> wanted(static_cast<size_t>(size_), true);
  if (!means_all_classes(classes)) drop_other_classes(classes, wanted);
  if (part != Part::kAll) drop_other_part(part, wanted);
  select(wanted);
}

bool ImageDataset::has_labels() const { return files_.front().has_labels(); }
bool ImageDataset::has_held_out() const { return files_.front().has_held_out(); }

void ImageDataset::drop_other_classes(std::string_view names, std::vector<bool>& wanted) {
  const auto where = files_.front().path().string();
  if (!has_labels() || classes().empty())
    throw InputError(
        "{}: classes {} were requested, but the file has no class names; set data.classes=all",
        where, names);
  std::set<int64_t> chosen;
  for (const auto& index : find_classes(names, classes(), where)) chosen.insert(index);
  size_t i = 0;
  for (const auto& file : files_) {
    for (const int64_t label : file.labels()) {
      if (!chosen.contains(label)) wanted[i] = false;
      ++i;
    }
  }
  if (std::ranges::find(wanted, true) == wanted.end())
    throw InputError("{}: no image is in the classes {}", where, names);
  selection_ = fmt::format("{}", fmt::join(chosen, ","));
}

void ImageDataset::drop_other_part(Part part, std::vector<bool>& wanted) {
  const bool wants_held_out = part == Part::kHeldOut;
  const auto where = files_.front().path().string();
  if (!has_held_out() && !wants_held_out) return;
  if (!has_held_out()) {
    throw InputError(
        "{}: holds no images that are kept from training; pack them with gm_data pack --holdout "
        "0.1, or set data.holdout = 0.1 where data.path is a folder of images",
        where);
  }
  size_t i = 0;
  for (const auto& file : files_) {
    for (const uint8_t held_out : file.held_out()) {
      if ((held_out == 1) != wants_held_out) wanted[i] = false;
      ++i;
    }
  }
  if (std::ranges::find(wanted, true) == wanted.end()) {
    throw InputError(
        "{}: {} of the {} images is kept from training; pack them again with another "
        "--holdout",
        where, wants_held_out ? "none" : "each", size_);
  }
  selection_ += wants_held_out ? "; held out" : "; training";
}

void ImageDataset::select(const std::vector<bool>& wanted) {
  const auto chosen = std::ranges::count(wanted, true);
  if (chosen == size_) return;
  selected_.reserve(static_cast<size_t>(chosen));
  for (int64_t i = 0; i < size_; ++i) {
    if (wanted[static_cast<size_t>(i)]) selected_.push_back(i);
  }
  size_ = chosen;
}

std::string ImageDataset::content_hash() const {
  Hash hash;
  for (const auto& file : files_) hash.add(file.content_hash());
  return hash.add(selection_).hex();
}

ImageDataset::Place ImageDataset::place_of(int64_t index) const {
  if (index < 0 || index >= size_)
    throw Error("image {} was requested, but there are {} images", index, size_);
  if (!selected_.empty()) index = selected_[static_cast<size_t>(index)];
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), index);
  const auto f = static_cast<size_t>(end - ends_.begin());
  return {files_[f], index - (*end - files_[f].size())};
}

void ImageDataset::read_image(int64_t index, std::span<uint8_t> pixels) const {
  const Place place = place_of(index);
  place.file.read_image(place.index, pixels);
}

int64_t ImageDataset::label(int64_t index) const {
  const Place place = place_of(index);
  return place.file.label(place.index);
}

uint64_t ImageDataset::image_hash(int64_t index) const {
  std::vector<uint8_t> pixels(static_cast<size_t>(shape().bytes()));
  read_image(index, pixels);
  return hdf5_image_format::hash_image(pixels);
}

std::vector<uint64_t> ImageDataset::image_hashes() const {
  std::vector<uint64_t> hashes(static_cast<size_t>(size_));
  for (int64_t i = 0; i < size_; ++i) {
    throw_if_stop_requested();
    hashes[static_cast<size_t>(i)] = image_hash(i);
  }
  std::ranges::sort(hashes);
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

}  // namespace gm
