#include "data/hdf5_images.h"

#include <fmt/ranges.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "data/hdf5.h"
#include "data/hdf5_image_format.h"
#include "data/hdf5_rows.h"
#include "data/on_demand.h"

namespace gm {
namespace fs = std::filesystem;
using namespace hdf5_image_format;
namespace {

/// Writers that use HDF5 lock their file, if the file system supports locks.
bool is_locked_by_writer(const fs::path& path) {
  const FileDescriptor file(path);
  return ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/// `what` with the file name in front.
std::string with_name(const fs::path& path, const std::string& what) {
  return what.starts_with(path.string()) ? what : fmt::format("{}: {}", path.string(), what);
}

/// The error for a file that another program is still writing: it is incomplete, not damaged.
InputError still_written(const fs::path& path, std::string_view what) {
  return InputError(
      "{}: another program has it open for writing, so not all of it is there yet; close it there, "
      "then try again ({})",
      path.string(), what);
}

/// The error for a file that HDF5 cannot open.
InputError not_opened(const fs::path& path, const std::string& reason) {
  if (is_locked_by_writer(path)) return still_written(path, reason);
  if (reason.find("already open for") != std::string::npos) {
    return InputError(
        "{}: another program has it open for writing, or died before it closed it; close it there "
        "or, where nothing writes to it any more, run h5clear -s {} ({})",
        path.string(), path.string(), reason);
  }
  return InputError(
      "{}: was cut short, is damaged, or was not closed by the program that wrote it: copy it "
      "again "
      "or pack it again ({})",
      path.string(), reason);
}

Hdf5Id open_file(const fs::path& path) {
  silence_hdf5();
  if (H5Fis_hdf5(path.c_str()) == 0) {
    throw InputError("is not an HDF5 file, which gm_data pack makes from JPEG, PNG or IDX files");
  }
  try {
    return open_hdf5_file(path.string());
  } catch (const Error& error) {
    throw not_opened(path, error.what());
  }
}

/// A fraction below 1; 0 when there is none.
double read_fraction_attribute(hid_t file, const char* name) {
  if (GM_HDF5(H5Aexists(file, name)) == 0) return 0;
  const Hdf5Id attribute(GM_HDF5(H5Aopen(file, name, H5P_DEFAULT)), H5Aclose);
  const Hdf5Id type(GM_HDF5(H5Aget_type(attribute)), H5Tclose);
  const Hdf5Id space(GM_HDF5(H5Aget_space(attribute)), H5Sclose);
  double value = -1;
  if (H5Tget_class(type) == H5T_FLOAT && H5Sget_simple_extent_npoints(space) == 1)
    GM_HDF5(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value));
  if (!(value >= 0 && value < 1))
    throw InputError("attribute {} is not one number from 0 to less than 1", name);
  return value;
}

/// The stored content hash. Empty if there is none.
std::string read_hash_attribute(hid_t file) {
  const std::string hash = read_hdf5_text(file, kHashAttribute).value_or("");
  if (!hash.empty() && hash.size() != kHashDigits)
    throw InputError("attribute {} is not a string of {} digits", kHashAttribute, kHashDigits);
  return hash;
}

ImageShape checked_shape(const Hdf5Rows& images) {
  const auto& extent = images.extent();
  const auto description = images.description();
  if (!description.starts_with("uint8 ") || extent.size() != 4) {
    throw InputError("{} is {}, but uint8 [N,H,W,C] is expected; pack the images with gm_data pack",
                     kImages, description);
  }
  const ImageShape shape{extent[1], extent[2], extent[3]};
  if (!is_possible(shape)) {
    throw InputError(
        "{} is {}, but [N,H,W,C] with sides of 1 to {} pixels and 1 or 3 channels last "
        "is expected; pack the images with gm_data pack",
        kImages, description, kLargestSide);
  }
  if (extent[0] < 1) throw InputError("{} is {}: it holds no images", kImages, description);
  return shape;
}

void check_labels(const Hdf5Rows& labels, int64_t images) {
  const auto description = labels.description();
  if (description.find("int") == std::string::npos || labels.extent().size() != 1 ||
      labels.extent()[0] != images) {
    throw InputError("{} is {}, but int64 [{}], one for each image, is expected", kLabels,
                     description, images);
  }
}

void check_held_out(const Hdf5Rows& held_out, int64_t images) {
  const auto description = held_out.description();
  if (description == fmt::format("uint8 [{}]", images)) return;
  throw InputError("{} is {}, but uint8 [{}], 1 for each image kept from training, is expected",
                   kHeldOut, description, images);
}

bool has(hid_t file, const char* name) { return GM_HDF5(H5Lexists(file, name, H5P_DEFAULT)) > 0; }

/// Without this check, a file that lost its held-out marks would be trained on completely.
void require_held_out(hid_t file) {
  const char* missing = nullptr;
  if (!has(file, kHeldOut)) missing = kHeldOut;
  if (GM_HDF5(H5Aexists(file, kHoldoutAttribute)) == 0) missing = "the attribute holdout";
  if (missing == nullptr) return;
  throw InputError(
      "has format version {}, so a part of its images is kept from training, but {}, which says "
      "which part, is missing; copy the file again or pack it again",
      Hdf5Images::kHoldoutFormatVersion, missing);
}

/// The format version of the file. Throws InputError if this program cannot read it.
int64_t checked_version(hid_t file) {
  const auto version = read_hdf5_integer(file, kVersionAttribute);
  if (version && *version != Hdf5Images::kFormatVersion &&
      *version != Hdf5Images::kHoldoutFormatVersion) {
    throw InputError(
        "has format version {}, but this program reads versions {} and {}; pack the images "
        "again with this program's gm_data",
        *version, Hdf5Images::kFormatVersion, Hdf5Images::kHoldoutFormatVersion);
  }
  if (version == Hdf5Images::kHoldoutFormatVersion) require_held_out(file);
  return version.value_or(Hdf5Images::kFormatVersion);
}

/// The open handles for reading. If all datasets are contiguous, only a file descriptor stays open.
struct OpenHdf5Images {
  FileDescriptor descriptor;
  Hdf5Id hdf5;
  Hdf5Rows images;
  std::optional<Hdf5Rows> labels = {};
  std::optional<Hdf5Rows> held_out = {};

  explicit OpenHdf5Images(const fs::path& path)
      : descriptor(path),
        hdf5(open_file(path)),
        images(hdf5, descriptor, kImages, H5T_NATIVE_UINT8) {
    if (has(hdf5, kLabels)) labels.emplace(hdf5, descriptor, kLabels, H5T_NATIVE_INT64);
    if (has(hdf5, kHeldOut)) held_out.emplace(hdf5, descriptor, kHeldOut, H5T_NATIVE_UINT8);
    close_what_is_not_needed();
  }

  bool is_same_as(uint64_t inode, int64_t bytes) const {
    return descriptor.inode() == inode && descriptor.size_bytes() == bytes;
  }

 private:
  void close_what_is_not_needed() {
    bool needs_hdf5 = false;
    for (Hdf5Rows* rows : {&images, labels ? &*labels : nullptr, held_out ? &*held_out : nullptr}) {
      if (rows == nullptr) continue;
      if (rows->is_contiguous())
        rows->close_dataset();
      else
        needs_hdf5 = true;
    }
    if (!needs_hdf5) hdf5 = Hdf5Id();
  }
};

/// Throws InputError for a file that was saved before it was complete.
void require_finished(hid_t file, int64_t images) {
  const auto finished = read_hdf5_integer(file, kFinishedAttribute);
  if (!finished) return;
  throw InputError(
      "is not finished: {} of {} images are written; give the command that writes it again",
      *finished, images);
}

}  // namespace

struct Hdf5Images::Content {
  fs::path path;
  int64_t version = 0;
  ImageShape shape;
  int64_t size = 0;
  bool has_labels = false, has_held_out = false, is_contiguous = false;
  double holdout = 0;
  std::vector<std::string> classes = {};
  std::string stored_hash = {};

  explicit Content(const fs::path& file_path)
      : path(file_path), opened_([this] { return open(); }) {
    require_regular_file(path);
    const auto file = opened_.get();
    inode_ = file->descriptor.inode();
    bytes_ = file->descriptor.size_bytes();
    const Hdf5Id hdf5 = open_file(path);
    version = checked_version(hdf5);
    shape = checked_shape(file->images);
    size = file->images.extent()[0];
    is_contiguous = file->images.is_contiguous();
    has_labels = file->labels.has_value();
    if (has_labels) check_labels(*file->labels, size);
    has_held_out = file->held_out.has_value();
    if (has_held_out) {
      check_held_out(*file->held_out, size);
      holdout = read_fraction_attribute(hdf5, kHoldoutAttribute);
    }
    if (has(hdf5, kClasses)) classes = read_hdf5_strings(hdf5, kClasses);
    stored_hash = read_hash_attribute(hdf5);
    if (stored_hash.empty()) require_finished(hdf5, size);
  }

  /// Calls `read` with the open file; adds the file name to errors.
  template <class Read>
  void with_open_file(Read read) const {
    try {
      read(*opened_.get());
    } catch (const InputError& error) {
      throw InputError("{}", with_name(path, error.what()));
    } catch (const Error& error) {
      throw Error("{}", with_name(path, error.what()));
    }
  }

  std::vector<std::string> computed_block_hashes(int64_t block_images) const;
  void check_label_range(std::span<const int64_t> values) const;
  void check_parts(const OpenHdf5Images& file, int64_t first,
                   std::span<const uint8_t> pixels) const;

 private:
  std::shared_ptr<const OpenHdf5Images> open() const {
    auto file = std::make_shared<const OpenHdf5Images>(path);
    if (inode_ != 0 && !file->is_same_as(inode_, bytes_))
      throw Error("the file was replaced while it was in use; start again");
    return file;
  }

  uint64_t inode_ = 0;  // of the file that was checked; 0: not checked yet
  int64_t bytes_ = 0;
  mutable OnDemand<OpenHdf5Images> opened_;
};

namespace {

/// Adds the file name to errors about its content.
template <typename Content>
std::unique_ptr<Content> checked_content(const fs::path& path) {
  try {
    return std::make_unique<Content>(path);
  } catch (const Error& error) {
    const std::string_view what = error.what();
    if (what.starts_with(path.string())) throw;
    if (is_locked_by_writer(path)) throw still_written(path, what);
    throw InputError("{}: {}", path.string(), what);
  }
}

}  // namespace

Hdf5Images::Hdf5Images(const fs::path& path) : content_(checked_content<Content>(path)) {}
Hdf5Images::~Hdf5Images() = default;
Hdf5Images::Hdf5Images(Hdf5Images&&) noexcept = default;
Hdf5Images& Hdf5Images::operator=(Hdf5Images&&) noexcept = default;

const fs::path& Hdf5Images::path() const { return content_->path; }
int64_t Hdf5Images::format_version() const { return content_->version; }
int64_t Hdf5Images::size() const { return content_->size; }
const ImageShape& Hdf5Images::shape() const { return content_->shape; }
bool Hdf5Images::has_labels() const { return content_->has_labels; }
const std::vector<std::string>& Hdf5Images::classes() const { return content_->classes; }
bool Hdf5Images::has_content_hash() const { return !content_->stored_hash.empty(); }
bool Hdf5Images::is_contiguous() const { return content_->is_contiguous; }

void Hdf5Images::read_image(int64_t index, std::span<uint8_t> pixels) const {
  read_images(index, 1, pixels);
}

void Hdf5Images::read_images(int64_t first, int64_t count, std::span<uint8_t> pixels) const {
  if (first < 0 || count < 0 || first > size() - count ||
      static_cast<int64_t>(pixels.size()) != count * shape().bytes()) {
    throw Error("{}: images {} to {} were requested, but the file has {}", path().string(), first,
                first + count - 1, size());
  }
  content_->with_open_file(
      [&](const OpenHdf5Images& file) { file.images.read(first, count, pixels.data()); });
}

int64_t Hdf5Images::label(int64_t index) const {
  int64_t value = 0;
  content_->with_open_file(
      [&](const OpenHdf5Images& file) { file.labels->read(index, 1, &value); });
  return value;
}

std::vector<int64_t> Hdf5Images::labels() const {
  if (!has_labels()) return {};
  std::vector<int64_t> values(static_cast<size_t>(size()));
  content_->with_open_file(
      [&](const OpenHdf5Images& file) { file.labels->read(0, size(), values.data()); });
  return values;
}

bool Hdf5Images::has_held_out() const { return content_->has_held_out; }
double Hdf5Images::holdout() const { return content_->holdout; }

std::vector<uint8_t> Hdf5Images::held_out() const {
  if (!has_held_out()) return {};
  std::vector<uint8_t> values(static_cast<size_t>(size()));
  content_->with_open_file(
      [&](const OpenHdf5Images& file) { file.held_out->read(0, size(), values.data()); });
  const auto wrong = std::ranges::find_if(values, [](uint8_t value) { return value > 1; });
  if (wrong == values.end()) return values;
  throw InputError("{}: {} holds {} for image {}, but only 0 and 1 (kept from training) are known",
                   path().string(), kHeldOut, *wrong, wrong - values.begin());
}

std::string Hdf5Images::content_hash() const {
  if (has_content_hash()) return content_->stored_hash;
  constexpr int64_t kSampledImages = 64;
  Hash hash;
  hash.add(hash_content(shape(), size(), classes(), {}, holdout()));
  const auto parts = held_out();
  hash.add(std::as_bytes(std::span(parts)));
  std::vector<uint8_t> pixels(static_cast<size_t>(shape().bytes()));
  const int64_t sampled = std::min(kSampledImages, size());
  for (int64_t i = 0; i < sampled; ++i) {
    // 128-bit arithmetic, because a file may declare any number of images.
    read_image(static_cast<int64_t>(static_cast<__int128>(i) * size() / sampled), pixels);
    hash.add(std::as_bytes(std::span(pixels)));
  }
  return hash.hex();
}

void Hdf5Images::Content::check_label_range(std::span<const int64_t> values) const {
  for (const int64_t value : values) {
    if (value < 0 || (!classes.empty() && value >= static_cast<int64_t>(classes.size())))
      throw InputError("{}: {} holds {}, but there are {} classes", path.string(), kLabels, value,
                       classes.size());
  }
}

/// Throws InputError unless the held-out marks of the images from `first` on agree with their
/// pixels.
void Hdf5Images::Content::check_parts(const OpenHdf5Images& file, int64_t first,
                                      std::span<const uint8_t> pixels) const {
  if (!has_held_out) return;
  const auto bytes = static_cast<size_t>(shape.bytes());
  std::vector<uint8_t> stored(pixels.size() / bytes);
  file.held_out->read(first, std::ssize(stored), stored.data());
  for (size_t i = 0; i < stored.size(); ++i) {
    if ((stored[i] == 1) == is_held_out(pixels.subspan(i * bytes, bytes), holdout)) continue;
    throw InputError(
        "{}: damaged: {} holds {} for image {}, which does not agree with its content and "
        "attribute {} = {}; pack the file again or copy it again",
        path.string(), kHeldOut, stored[i], first + static_cast<int64_t>(i), kHoldoutAttribute,
        holdout);
  }
}

std::vector<std::string> Hdf5Images::Content::computed_block_hashes(int64_t block_images) const {
  std::vector<std::string> hashes;
  std::vector<uint8_t> pixels;
  std::vector<int64_t> values;
  with_open_file([&](const OpenHdf5Images& file) {
    for (int64_t first = 0; first < size; first += block_images) {
      const int64_t count = std::min(block_images, size - first);
      pixels.resize(static_cast<size_t>(count * shape.bytes()));
      file.images.read(first, count, pixels.data());
      check_parts(file, first, pixels);
      if (has_labels) {
        values.resize(static_cast<size_t>(count));
        file.labels->read(first, count, values.data());
        check_label_range(values);
      }
      hashes.push_back(hash_block(pixels, values));
    }
  });
  return hashes;
}

void Hdf5Images::verify() const {
  const auto name = path().string();
  const Hdf5Id file = open_file(path());
  if (!has_content_hash() || !has(file, kBlockHashes)) {
    throw InputError("{}: holds no hashes to verify against; it was not written by gm_data", name);
  }
  const int64_t block = read_hdf5_integer(file, kBlockAttribute).value_or(0);
  if (block < 1 || block > std::max(size(), block_images(shape()))) {
    throw InputError("{}: attribute {} is {}, which is not possible", name, kBlockAttribute, block);
  }
  const auto stored = read_hdf5_strings(file, kBlockHashes);
  const auto computed = content_->computed_block_hashes(block);
  std::vector<std::string> damaged;
  for (size_t b = 0; b < computed.size(); ++b) {
    if (b < stored.size() && stored[b] == computed[b]) continue;
    const int64_t first = static_cast<int64_t>(b) * block;
    damaged.push_back(fmt::format("{} to {}", first, std::min(first + block, size()) - 1));
  }
  if (!damaged.empty()) {
    constexpr size_t kShown = 8;
    const std::string more =
        damaged.size() > kShown ? fmt::format(" and {} more blocks", damaged.size() - kShown) : "";
    damaged.resize(std::min(damaged.size(), kShown));
    throw InputError(
        "{}: damaged: images (or labels) {}{} are not what was packed; pack the file "
        "again or copy it again",
        name, fmt::join(damaged, ", "), more);
  }
  if (hash_content(shape(), size(), classes(), computed, holdout()) != content_->stored_hash)
    throw InputError("{}: damaged: attribute {} does not match the content", name, kHashAttribute);
}

}  // namespace gm
