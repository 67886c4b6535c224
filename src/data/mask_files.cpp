#include "data/mask_files.h"

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/lower_case.h"
#include "data/folder_entries.h"
#include "image/decode.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLargestMaskBytes = 64 << 20;
constexpr int64_t kMaxPixelsInMemory = int64_t{1} << 33;  // 1 GiB of bits

/// The value of missing pixels: 255, or 1 if no value is larger. Throws InputError that begins with
/// `name`.
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
  if (count == 0) throw InputError("{}: the mask is completely black: no pixel is missing", name);
  if (count == std::ssize(pixels))
    throw InputError("{}: the mask is completely white: no pixel is known", name);
  return missing;
}

}  // namespace

bool is_mask_file_name(const fs::path& path) { return extension_of(path) == ".png"; }

std::vector<fs::path> mask_file_paths(const fs::path& path) {
  if (path.empty()) {
    throw InputError(
        "mask.path is not set; mask.kind = \"files\" needs a PNG file or a folder of them");
  }
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (status.type() == fs::file_type::not_found)
    throw InputError("mask.path: {}: no such file or folder", path.string());
  if (reason) throw InputError("mask.path: {}: {}", path.string(), reason.message());
  if (!fs::is_directory(status)) return {path};
  std::vector<fs::path> paths = entries_of(path).files;
  const auto others = std::erase_if(paths, [](const fs::path& f) { return !is_mask_file_name(f); });
  if (paths.empty()) throw InputError("{}: the folder holds no masks: no PNG files", path.string());
  if (others > 0)
    log_info("{}: {} files left out, as they do not end in .png", path.string(), others);
  return paths;
}

MaskFiles::MaskFiles(const std::vector<fs::path>& files, int64_t height, int64_t width)
    : height_(height), width_(width) {
  if (std::ssize(files) > kMaxPixelsInMemory / (height * width)) {
    throw InputError("{} masks of {} x {} are too many for memory; use fewer", files.size(), width,
                     height);
  }
  for (const auto& file : files) read(file);
}

void MaskFiles::read(const fs::path& file) {
  const std::string name = file.string();
  const DecodedImage image = decode_image(name, read_file(file, kLargestMaskBytes), {.grey = true});
  if (image.shape.height != height_ || image.shape.width != width_) {
    throw InputError("{}: the mask is of {} x {} pixels, but the run's images of {} x {}", name,
                     image.shape.width, image.shape.height, width_, height_);
  }
  const uint8_t missing = missing_value(image.pixels, name);
  for (const uint8_t pixel : image.pixels) missing_.push_back(pixel == missing);
  ++count_;
}

void MaskFiles::draw(CounterRng& random, std::span<float> mask) const {
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
