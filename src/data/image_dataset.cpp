#include "data/image_dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/hash.h"
#include "base/signals.h"
#include "data/class_names.h"
#include "data/folder_entries.h"
#include "data/hdf5_image_format.h"

namespace gm {
namespace fs = std::filesystem;

bool ImageDataset::Selection::has(int64_t label, bool held_out) const {
  return (labels.empty() || labels.contains(label)) &&
         (part == Part::kAll || (part == Part::kHeldOut) == held_out);
}

/// One file of a dataset, and which of its images are chosen. A file that a manifest describes is
/// opened at its first use, every other one immediately.
class ImageDataset::File {
 public:
  explicit File(fs::path path)
      : path_(std::move(path)), opened_(std::make_unique<const Hdf5Images>(path_)) {}
  File(fs::path path, std::shared_ptr<const ImageManifest> manifest, size_t number)
      : path_(std::move(path)), manifest_(std::move(manifest)), entry_(&manifest_->files[number]) {}

  const fs::path& path() const { return path_; }
  double holdout() const { return entry_ != nullptr ? entry_->holdout : opened_->holdout(); }
  std::string content_hash() const {
    return entry_ != nullptr ? entry_->content_hash : opened_->content_hash();
  }

  /// Chooses images; returns their number. Called before open().
  int64_t select(const Selection& selection) {
    if (entry_ == nullptr) {
      find_chosen(*opened_, selection);
      return chosen_count(*opened_);
    }
    return described_count(selection);
  }

  /// Expects the selection of the last call of select(). Thread-safe.
  const Hdf5Images& open(const Selection& selection) const {
    const std::scoped_lock lock(opening_);
    if (!opened_) open_described(selection);
    return *opened_;
  }

  /// The index in the open file of its chosen image number `index`.
  int64_t index_of(int64_t index) const {
    return chosen_is_all_ ? index : chosen_[static_cast<size_t>(index)];
  }

  void require_present() const {
    if (entry_ == nullptr) return;
    std::error_code reason;
    const auto bytes = static_cast<int64_t>(fs::file_size(path_, reason));
    if (reason)
      throw InputError("{}: {}; copy the file to this node", path_.string(), reason.message());
    if (bytes == entry_->bytes) return;
    throw InputError(
        "{}: has {} bytes, but {} according to {}; copy the file again, or describe the files that "
        "are there with gm_data manifest {}",
        path_.string(), bytes, entry_->bytes, kImageManifestName, path_.parent_path().string());
  }

  void verify(const Selection& selection) const {
    const Hdf5Images& file = open(selection);
    file.verify();
    if (entry_ != nullptr && describe_file(file) != *entry_) refuse_counts();
  }

 private:
  [[noreturn]] void refuse_counts() const {
    throw InputError(
        "{}: its labels or held-out images are not those in {}; write it again with gm_data "
        "manifest {}",
        path_.string(), kImageManifestName, path_.parent_path().string());
  }

  int64_t chosen_count(const Hdf5Images& file) const {
    return chosen_is_all_ ? file.size() : std::ssize(chosen_);
  }

  /// The number of chosen images according to the manifest.
  int64_t described_count(const Selection& selection) const {
    int64_t count = 0;
    for (const auto& [label, training, held_out] : entry_->counts) {
      if (selection.has(label, false)) count += training;
      if (selection.has(label, true)) count += held_out;
    }
    return count;
  }

  void open_described(const Selection& selection) const {
    require_present();
    auto file = std::make_unique<const Hdf5Images>(path_);
    require_described(*file, manifest_->traits, *entry_);
    find_chosen(*file, selection);
    if (chosen_count(*file) != described_count(selection)) refuse_counts();
    opened_ = std::move(file);
  }

  void find_chosen(const Hdf5Images& file, const Selection& selection) const {
    chosen_.clear();
    chosen_is_all_ = selection.is_all();
    if (chosen_is_all_) return;
    const auto labels = selection.labels.empty() ? std::vector<int64_t>() : file.labels();
    const auto held_out = selection.part == Part::kAll ? std::vector<uint8_t>() : file.held_out();
    for (int64_t i = 0; i < file.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      if (selection.has(labels.empty() ? 0 : labels[at], !held_out.empty() && held_out[at] == 1))
        chosen_.push_back(i);
    }
    chosen_is_all_ = std::ssize(chosen_) == file.size();
    if (chosen_is_all_) chosen_.clear();
  }

  fs::path path_;
  std::shared_ptr<const ImageManifest> manifest_;
  const ImageManifest::File* entry_ = nullptr;
  mutable std::mutex opening_;
  mutable std::unique_ptr<const Hdf5Images> opened_;
  mutable bool chosen_is_all_ = true;
  mutable std::vector<int64_t> chosen_;
};

ImageDataset::ImageDataset(const fs::path& path, std::string_view classes, Part part)
    : part_(part) {
  add_files(path);
  count_selected();
  if (!means_all_classes(classes)) select_classes(classes);
  if (part != Part::kAll) select_part();
}

ImageDataset::~ImageDataset() = default;
ImageDataset::ImageDataset(ImageDataset&&) noexcept = default;
ImageDataset& ImageDataset::operator=(ImageDataset&&) noexcept = default;

void ImageDataset::add_files(const fs::path& path) {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (status.type() == fs::file_type::not_found)
    throw InputError("{}: no such file or folder", path.string());
  const bool is_folder = fs::is_directory(status);
  if (is_folder) {
    if (auto manifest = read_manifest(path))
      manifest_ = std::make_shared<const ImageManifest>(*std::move(manifest));
  }
  if (manifest_) {
    traits_ = manifest_->traits;
    for (size_t f = 0; f < manifest_->files.size(); ++f)
      files_.push_back(std::make_unique<File>(path / manifest_->files[f].name, manifest_, f));
    return;
  }
  for (const auto& file_path : is_folder ? hdf5_files_in(path) : std::vector{path}) {
    files_.push_back(std::make_unique<File>(file_path));
    const ImageTraits traits = traits_of(file(files_.size() - 1));
    if (files_.size() == 1) traits_ = traits;
    require_alike(traits_, files_.front()->path(), traits, file_path);
  }
}

void ImageDataset::select_classes(std::string_view names) {
  const auto where = file_path(0).string();
  if (!has_labels() || classes().empty())
    throw InputError(
        "{}: classes {} were requested, but the file has no class names; set data.classes=all",
        where, names);
  for (const auto& index : find_classes(names, classes(), where)) selection_.labels.insert(index);
  count_selected();
  if (size_ == 0) throw InputError("{}: no image is in the classes {}", where, names);
  selection_text_ = fmt::format("{}", fmt::join(selection_.labels, ","));
}

void ImageDataset::select_part() {
  const bool wants_held_out = part_ == Part::kHeldOut;
  const auto where = file_path(0).string();
  if (!has_held_out() && !wants_held_out) return;
  if (!has_held_out()) {
    throw InputError(
        "{}: holds no images that are kept from training; pack them with gm_data pack --holdout "
        "0.1, or set data.holdout = 0.1 where data.path is a folder of images",
        where);
  }
  const int64_t images = size_;
  selection_.part = part_;
  count_selected();
  if (size_ == 0) {
    throw InputError(
        "{}: {} of the {} images is kept from training; pack them again with another "
        "--holdout",
        where, wants_held_out ? "none" : "each", images);
  }
  selection_text_ += wants_held_out ? "; held out" : "; training";
}

/// Sets size_ and ends_ for selection_.
void ImageDataset::count_selected() {
  size_ = 0;
  ends_.clear();
  for (const auto& file : files_) {
    size_ += file->select(selection_);
    ends_.push_back(size_);
  }
}

std::string ImageDataset::content_hash() const {
  Hash hash;
  for (const auto& file : files_) hash.add(file->content_hash());
  return hash.add(selection_text_).hex();
}

const fs::path& ImageDataset::file_path(size_t f) const { return files_[f]->path(); }
double ImageDataset::holdout(size_t f) const { return files_[f]->holdout(); }
const Hdf5Images& ImageDataset::file(size_t f) const { return files_[f]->open(selection_); }

ImageDataset::Place ImageDataset::place_of(int64_t index) const {
  if (index < 0 || index >= size_)
    throw Error("image {} was requested, but there are {} images", index, size_);
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), index);
  const auto f = static_cast<size_t>(end - ends_.begin());
  const Hdf5Images& opened = file(f);
  return {opened, files_[f]->index_of(index - (f == 0 ? 0 : ends_[f - 1]))};
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

void ImageDataset::require_files(int64_t first, int64_t end) const {
  for (size_t f = 0; f < files_.size(); ++f) {
    const int64_t begin_of_file = f == 0 ? 0 : ends_[f - 1];
    if (begin_of_file < end && first < ends_[f] && begin_of_file < ends_[f])
      files_[f]->require_present();
  }
}

void ImageDataset::verify() const {
  for (const auto& file : files_) file->verify(selection_);
}

}  // namespace gm
