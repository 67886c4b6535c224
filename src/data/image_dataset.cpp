#include "data/image_dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "data/class_names.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> image_file_paths(const fs::path& path) {
  if (!fs::exists(path)) throw InputError("{}: no such file or folder", path.string());
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (is_image_file_name(entry.path())) paths.push_back(entry.path());
  }
  if (paths.empty())
    throw InputError("{}: the folder holds no HDF5 files (*.h5, *.hdf5)", path.string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string describe(const ImageFile& file) {
  const auto& shape = file.shape();
  return fmt::format("[{},{},{}], {} labels, classes [{}]", shape.height, shape.width,
                     shape.channels, file.has_labels() ? "with" : "without",
                     fmt::join(file.classes(), ","));
}

void check_alike(const ImageFile& first, const ImageFile& other) {
  if (first.shape() == other.shape() && first.has_labels() == other.has_labels() &&
      first.classes() == other.classes()) {
    return;
  }
  throw InputError("{} holds pictures {}, but {} holds {}; the files of a folder must be alike",
                   other.path().string(), describe(other), first.path().string(), describe(first));
}

}  // namespace

bool is_image_file_name(const fs::path& path) {
  const auto extension = path.extension();
  return (extension == ".h5" || extension == ".hdf5") && !path.filename().string().starts_with(".");
}

ImageDataset::ImageDataset(const fs::path& path, std::string_view classes) {
  for (const auto& file_path : image_file_paths(path)) {
    files_.emplace_back(file_path);
    check_alike(files_.front(), files_.back());
    size_ += files_.back().size();
    ends_.push_back(size_);
  }
  if (!means_all_classes(classes)) select_classes(classes);
}

bool ImageDataset::has_labels() const { return files_.front().has_labels(); }

void ImageDataset::select_classes(std::string_view names) {
  const auto where = files_.front().path().string();
  if (!has_labels() || classes().empty())
    throw InputError("{}: classes {} were asked for, but the file names no classes", where, names);
  std::set<int64_t> wanted;
  for (const auto& index : find_classes(names, classes(), where)) wanted.insert(index);

  int64_t begin = 0;
  for (size_t f = 0; f < files_.size(); begin = ends_[f++]) {
    const auto labels = files_[f].labels();
    for (size_t i = 0; i < labels.size(); ++i) {
      if (wanted.contains(labels[i])) selected_.push_back(begin + static_cast<int64_t>(i));
    }
  }
  if (selected_.empty()) throw InputError("{}: no picture is of classes {}", where, names);
  if (static_cast<int64_t>(selected_.size()) == size_)
    selected_ = {};  // every picture is wanted
  else
    size_ = static_cast<int64_t>(selected_.size());
  selection_ = fmt::format("{}", fmt::join(wanted, ","));
}

std::string ImageDataset::content_hash() const {
  Hash hash;
  for (const auto& file : files_) hash.add(file.content_hash());
  return hash.add(selection_).hex();
}

ImageDataset::Place ImageDataset::place_of(int64_t index) const {
  if (index < 0 || index >= size_) throw Error("picture {} was asked for, of {}", index, size_);
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

}  // namespace gm
