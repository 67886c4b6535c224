#include "data/mask_files.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "data/pack/decode.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLargestFileBytes = 64 << 20;
constexpr int64_t kMostPixelsInMemory = int64_t{1} << 33;  // 1 GiB of bits

bool is_mask_file_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" && !path.filename().string().starts_with(".");
}

/// The mask of `folder` that is called like a picture; empty when there is none.
fs::path mask_called(const fs::path& folder, const std::string& name) {
  for (const char* ending : {".png", ".PNG"}) {
    if (const fs::path path = folder / (name + ending); fs::exists(path)) return path;
  }
  return {};
}

/// The value of a missing pixel: 255, or 1 where no value is larger. Throws InputError that begins
/// with `name`.
uint8_t missing_value(const std::vector<uint8_t>& pixels, const std::string& name) {
  const uint8_t missing = std::ranges::max(pixels) > 1 ? 255 : 1;
  for (const uint8_t pixel : pixels) {
    if (pixel == 0 || pixel == missing) continue;
    throw InputError(
        "{}: holds the grey value {}, but a mask holds 255 (or 1) where pixels are missing and 0 "
        "elsewhere",
        name, pixel);
  }
  const auto count = std::ranges::count(pixels, missing);
  if (count == 0) throw InputError("{}: the mask is black all over: no pixel is missing", name);
  if (count == std::ssize(pixels))
    throw InputError("{}: the mask is white all over: no pixel is known", name);
  return missing;
}

}  // namespace

std::vector<fs::path> mask_file_paths(const fs::path& path) {
  if (path.empty()) {
    throw InputError(
        "mask.path is not set; mask.kind = \"files\" needs a PNG file or a folder of them");
  }
  if (!fs::exists(path)) throw InputError("mask.path: {}: no such file or folder", path.string());
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (is_mask_file_name(entry.path())) paths.push_back(entry.path());
  }
  if (paths.empty()) throw InputError("{}: the folder holds no masks: no PNG files", path.string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<fs::path> masks_of_pictures(const fs::path& folder, int64_t pictures,
                                        const std::vector<std::string>& names) {
  std::vector<fs::path> masks;
  for (const std::string& name : names) masks.push_back(mask_called(folder, name));
  const auto without = std::ranges::count(masks, fs::path());
  if (!names.empty() && without == 0) return masks;
  if (without < std::ssize(names)) {
    const auto first = std::ranges::find(masks, fs::path()) - masks.begin();
    throw InputError("{}: there is no mask {}.png for the picture of that name, but for {} others",
                     folder.string(), names[static_cast<size_t>(first)],
                     std::ssize(names) - without);
  }
  masks = mask_file_paths(folder);
  if (std::ssize(masks) == pictures) return masks;
  throw InputError(
      "{}: holds {} masks for {} pictures; name each mask like its picture, give as many masks as "
      "pictures, which then belong together in the order of their names, or one file for all",
      folder.string(), masks.size(), pictures);
}

MaskFiles::MaskFiles(const std::vector<fs::path>& files, int64_t height, int64_t width)
    : height_(height), width_(width) {
  if (std::ssize(files) > kMostPixelsInMemory / (height * width)) {
    throw InputError("{} masks of {} x {} are too many for memory; use fewer", files.size(), width,
                     height);
  }
  for (const auto& file : files) read(file);
}

void MaskFiles::read(const fs::path& file) {
  const std::string name = file.string();
  const Picture picture = decode_picture(name, read_file(file, kLargestFileBytes), {.grey = true});
  if (picture.shape.height != height_ || picture.shape.width != width_) {
    throw InputError("{}: the mask is of {} x {} pixels, but the run's pictures of {} x {}", name,
                     picture.shape.width, picture.shape.height, width_, height_);
  }
  const uint8_t missing = missing_value(picture.pixels, name);
  for (const uint8_t pixel : picture.pixels) missing_.push_back(pixel == missing);
  ++count_;
}

void MaskFiles::draw(KeyedRandom& random, std::span<float> mask) const {
  copy(random.below(static_cast<uint32_t>(count_)), mask);
}

void MaskFiles::copy(int64_t number, std::span<float> mask) const {
  const size_t first = static_cast<size_t>(number) * mask.size();
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = missing_[first + i] ? 1.0F : 0.0F;
}

std::string MaskFiles::content_hash() const {
  Hash hash;
  std::string one(static_cast<size_t>(height_ * width_), '0');
  for (int64_t m = 0; m < count_; ++m) {
    const size_t first = static_cast<size_t>(m) * one.size();
    for (size_t i = 0; i < one.size(); ++i) one[i] = missing_[first + i] ? '1' : '0';
    hash.add(one);
  }
  return hash.hex();
}

}  // namespace gm
