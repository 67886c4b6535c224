#include "data/image_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "data/hdf5.h"
#include "data/hdf5_rows.h"
#include "data/image_format.h"

namespace gm {
namespace fs = std::filesystem;
using namespace image_format;
namespace {

constexpr int64_t kLargestSide = 8192;

/// The reader opens by name a second time; HDF5 would accept a folder's or a device's name badly.
fs::path checked_regular_file(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw InputError("{}: no such file", path.string());
  if (!fs::is_regular_file(status)) throw InputError("{}: is not a regular file", path.string());
  return path;
}

Hdf5Id open_file(const fs::path& path) {
  silence_hdf5();
  if (H5Fis_hdf5(path.c_str()) == 0) {
    throw InputError("{}: is not an HDF5 file; gm_data pack makes one from pictures",
                     path.string());
  }
  try {
    return open_hdf5_file(path.string());
  } catch (const Error& error) {
    throw InputError("{}: was cut short or is damaged: copy it again or pack it again ({})",
                     path.string(), error.what());
  }
}

std::optional<int64_t> read_integer_attribute(hid_t file, const char* name) {
  if (GM_HDF5(H5Aexists(file, name)) == 0) return std::nullopt;
  const Hdf5Id attribute(GM_HDF5(H5Aopen(file, name, H5P_DEFAULT)), H5Aclose);
  const Hdf5Id type(GM_HDF5(H5Aget_type(attribute)), H5Tclose);
  const Hdf5Id space(GM_HDF5(H5Aget_space(attribute)), H5Sclose);
  if (H5Tget_class(type) != H5T_INTEGER || H5Sget_simple_extent_npoints(space) != 1)
    throw InputError("attribute {} is not one integer", name);
  int64_t value = 0;
  GM_HDF5(H5Aread(attribute, H5T_NATIVE_INT64, &value));
  return value;
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

/// A hash as writers store it: a string of fixed length. Empty when there is none.
std::string read_hash_attribute(hid_t file) {
  if (GM_HDF5(H5Aexists(file, kHashAttribute)) == 0) return "";
  const Hdf5Id attribute(GM_HDF5(H5Aopen(file, kHashAttribute, H5P_DEFAULT)), H5Aclose);
  const Hdf5Id type(GM_HDF5(H5Aget_type(attribute)), H5Tclose);
  const Hdf5Id space(GM_HDF5(H5Aget_space(attribute)), H5Sclose);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 ||
      H5Tget_size(type) != kHashDigits || H5Sget_simple_extent_npoints(space) != 1) {
    throw InputError("attribute {} is not a string of {} digits", kHashAttribute, kHashDigits);
  }
  std::string value(kHashDigits, '\0');
  GM_HDF5(H5Aread(attribute, type, value.data()));
  return value;
}

ImageShape checked_shape(const Hdf5Rows& images) {
  const auto& extent = images.extent();
  const auto description = images.description();
  if (!description.starts_with("uint8 ") || extent.size() != 4) {
    throw InputError(
        "{} is {}, but uint8 [N,H,W,C] is expected; pack the pictures with gm_data pack", kImages,
        description);
  }
  const ImageShape shape{extent[1], extent[2], extent[3]};
  const bool sides_fit = std::min(shape.height, shape.width) >= 1 &&
                         std::max(shape.height, shape.width) <= kLargestSide;
  if (!sides_fit || (shape.channels != 1 && shape.channels != 3)) {
    throw InputError(
        "{} is {}, but [N,H,W,C] with sides of 1 to {} pixels and 1 or 3 channels last "
        "is expected; pack the pictures with gm_data pack",
        kImages, description, kLargestSide);
  }
  if (extent[0] < 1) throw InputError("{} is {}: it holds no pictures", kImages, description);
  return shape;
}

void check_labels(const Hdf5Rows& labels, int64_t images) {
  const auto description = labels.description();
  if (description.find("int") == std::string::npos || labels.extent().size() != 1 ||
      labels.extent()[0] != images) {
    throw InputError("{} is {}, but int64 [{}], one for each picture, is expected", kLabels,
                     description, images);
  }
}

void check_held_out(const Hdf5Rows& held_out, int64_t images) {
  const auto description = held_out.description();
  if (description == fmt::format("uint8 [{}]", images)) return;
  throw InputError("{} is {}, but uint8 [{}], 1 for each picture kept from training, is expected",
                   kHeldOut, description, images);
}

bool has(hid_t file, const char* name) { return GM_HDF5(H5Lexists(file, name, H5P_DEFAULT)) > 0; }

/// A file that lost what it says of the part held out would be trained on as a whole.
void require_held_out(hid_t file) {
  const char* missing = nullptr;
  if (!has(file, kHeldOut)) missing = kHeldOut;
  if (GM_HDF5(H5Aexists(file, kHoldoutAttribute)) == 0) missing = "the attribute holdout";
  if (missing == nullptr) return;
  throw InputError(
      "has format version {}, so a part of its pictures is kept from training, but {}, which says "
      "which part, is missing; copy the file again or pack it again",
      ImageFile::kHoldoutFormatVersion, missing);
}

}  // namespace

struct ImageFile::Content {
  fs::path path;
  FileDescriptor descriptor;
  Hdf5Id file;
  Hdf5Rows images;
  std::optional<Hdf5Rows> labels;
  std::optional<Hdf5Rows> held_out;
  double holdout = 0;
  ImageShape shape;
  std::vector<std::string> classes;
  std::string stored_hash;

  explicit Content(const fs::path& file_path)
      : path(checked_regular_file(file_path)),
        descriptor(path),
        file(open_file(path)),
        images(file, descriptor, kImages, H5T_NATIVE_UINT8) {
    const auto version = read_integer_attribute(file, kVersionAttribute);
    if (version && *version != kFormatVersion && *version != kHoldoutFormatVersion) {
      throw InputError(
          "has format version {}, but this program reads versions {} and {}; pack the pictures "
          "again with this program's gm_data",
          *version, kFormatVersion, kHoldoutFormatVersion);
    }
    if (version == kHoldoutFormatVersion) require_held_out(file);
    shape = checked_shape(images);
    if (has(file, kLabels)) {
      labels.emplace(file, descriptor, kLabels, H5T_NATIVE_INT64);
      check_labels(*labels, images.extent()[0]);
    }
    if (has(file, kHeldOut)) {
      held_out.emplace(file, descriptor, kHeldOut, H5T_NATIVE_UINT8);
      check_held_out(*held_out, images.extent()[0]);
      holdout = read_fraction_attribute(file, kHoldoutAttribute);
    }
    if (has(file, kClasses)) classes = read_hdf5_strings(file, kClasses);
    stored_hash = read_hash_attribute(file);
  }

  std::vector<std::string> computed_block_hashes(int64_t block_images) const;
  void check_label_range(std::span<const int64_t> values) const;
  void check_parts(int64_t first, std::span<const uint8_t> pixels) const;
};

namespace {

/// Puts the file's name in front of what is wrong with its content.
template <typename Content>
std::unique_ptr<Content> opened(const fs::path& path) {
  try {
    return std::make_unique<Content>(path);
  } catch (const Error& error) {
    const std::string_view what = error.what();
    if (what.starts_with(path.string())) throw;
    throw InputError("{}: {}", path.string(), what);
  }
}

}  // namespace

ImageFile::ImageFile(const fs::path& path) : content_(opened<Content>(path)) {}
ImageFile::~ImageFile() = default;
ImageFile::ImageFile(ImageFile&&) noexcept = default;
ImageFile& ImageFile::operator=(ImageFile&&) noexcept = default;

const fs::path& ImageFile::path() const { return content_->path; }
int64_t ImageFile::size() const { return content_->images.extent()[0]; }
const ImageShape& ImageFile::shape() const { return content_->shape; }
bool ImageFile::has_labels() const { return content_->labels.has_value(); }
const std::vector<std::string>& ImageFile::classes() const { return content_->classes; }
bool ImageFile::has_content_hash() const { return !content_->stored_hash.empty(); }
bool ImageFile::is_contiguous() const { return content_->images.is_contiguous(); }

void ImageFile::read_image(int64_t index, std::span<uint8_t> pixels) const {
  read_images(index, 1, pixels);
}

void ImageFile::read_images(int64_t first, int64_t count, std::span<uint8_t> pixels) const {
  if (first < 0 || count < 0 || first > size() - count ||
      static_cast<int64_t>(pixels.size()) != count * shape().bytes()) {
    throw Error("{}: pictures {} to {} were asked for, of {}", path().string(), first,
                first + count - 1, size());
  }
  try {
    content_->images.read(first, count, pixels.data());
  } catch (const Error& error) {
    throw Error("{}: {}", path().string(), error.what());
  }
}

int64_t ImageFile::label(int64_t index) const {
  int64_t value = 0;
  content_->labels->read(index, 1, &value);
  return value;
}

std::vector<int64_t> ImageFile::labels() const {
  if (!has_labels()) return {};
  std::vector<int64_t> values(static_cast<size_t>(size()));
  content_->labels->read(0, size(), values.data());
  return values;
}

bool ImageFile::has_held_out() const { return content_->held_out.has_value(); }
double ImageFile::holdout() const { return content_->holdout; }

std::vector<uint8_t> ImageFile::held_out() const {
  if (!has_held_out()) return {};
  std::vector<uint8_t> values(static_cast<size_t>(size()));
  content_->held_out->read(0, size(), values.data());
  const auto wrong = std::ranges::find_if(values, [](uint8_t value) { return value > 1; });
  if (wrong == values.end()) return values;
  throw InputError(
      "{}: {} holds {} for picture {}, but only 0 and 1 (kept from training) are known",
      path().string(), kHeldOut, *wrong, wrong - values.begin());
}

std::string ImageFile::content_hash() const {
  if (has_content_hash()) return content_->stored_hash;
  constexpr int64_t kSampledImages = 64;
  Hash hash;
  hash.add(hash_content(shape(), size(), classes(), {}, holdout()));
  const auto parts = held_out();
  hash.add(std::as_bytes(std::span(parts)));
  std::vector<uint8_t> pixels(static_cast<size_t>(shape().bytes()));
  const int64_t sampled = std::min(kSampledImages, size());
  for (int64_t i = 0; i < sampled; ++i) {
    // 128-bit arithmetic: a file of others may declare any number of pictures.
    read_image(static_cast<int64_t>(static_cast<__int128>(i) * size() / sampled), pixels);
    hash.add(std::as_bytes(std::span(pixels)));
  }
  return hash.hex();
}

void ImageFile::Content::check_label_range(std::span<const int64_t> values) const {
  for (const int64_t value : values) {
    if (value < 0 || (!classes.empty() && value >= static_cast<int64_t>(classes.size())))
      throw InputError("{}: {} holds {}, but there are {} classes", path.string(), kLabels, value,
                       classes.size());
  }
}

/// Whether pictures `first` and following are on the side that their pixels say.
void ImageFile::Content::check_parts(int64_t first, std::span<const uint8_t> pixels) const {
  if (!held_out) return;
  const auto bytes = static_cast<size_t>(shape.bytes());
  std::vector<uint8_t> stored(pixels.size() / bytes);
  held_out->read(first, std::ssize(stored), stored.data());
  for (size_t i = 0; i < stored.size(); ++i) {
    if ((stored[i] == 1) == is_held_out(pixels.subspan(i * bytes, bytes), holdout)) continue;
    throw InputError(
        "{}: damaged: {} holds {} for picture {}, which is not what its content and attribute {} = "
        "{} make it; pack the file again or copy it again",
        path.string(), kHeldOut, stored[i], first + static_cast<int64_t>(i), kHoldoutAttribute,
        holdout);
  }
}

std::vector<std::string> ImageFile::Content::computed_block_hashes(int64_t block_images) const {
  const int64_t size = images.extent()[0];
  std::vector<std::string> hashes;
  std::vector<uint8_t> pixels;
  std::vector<int64_t> values;
  for (int64_t first = 0; first < size; first += block_images) {
    const int64_t count = std::min(block_images, size - first);
    pixels.resize(static_cast<size_t>(count * shape.bytes()));
    images.read(first, count, pixels.data());
    check_parts(first, pixels);
    if (labels) {
      values.resize(static_cast<size_t>(count));
      labels->read(first, count, values.data());
      check_label_range(values);
    }
    hashes.push_back(hash_block(pixels, values));
  }
  return hashes;
}

void ImageFile::verify() const {
  const auto name = path().string();
  if (!has_content_hash() || !has(content_->file, kBlockHashes)) {
    throw InputError("{}: holds no hashes to verify against; it was not written by gm_data", name);
  }
  const int64_t block = read_integer_attribute(content_->file, kBlockAttribute).value_or(0);
  if (block < 1 || block > std::max(size(), block_images(shape()))) {
    throw InputError("{}: attribute {} is {}, which cannot be right", name, kBlockAttribute, block);
  }
  const auto stored = read_hdf5_strings(content_->file, kBlockHashes);
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
        "{}: damaged: pictures (or labels) {}{} are not what was packed; pack the file "
        "again or copy it again",
        name, fmt::join(damaged, ", "), more);
  }
  if (hash_content(shape(), size(), classes(), computed, holdout()) != content_->stored_hash)
    throw InputError("{}: damaged: attribute {} does not fit the content", name, kHashAttribute);
}

}  // namespace gm
