#include "run/sample_folder.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "image/decode.h"
#include "image/image_grid.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSettingsFile = "samples.json";
constexpr size_t kSettingsLimitBytes = 1 << 16, kImageLimitBytes = 1 << 30;

}  // namespace

SampleFiles::SampleFiles(std::string folder, int64_t count, std::vector<std::string> names)
    : given_(std::move(folder)),
      folder_(canonical_name(given_)),
      count_(count),
      names_(std::move(names)) {}

fs::path SampleFiles::path(int64_t index) const {
  const std::string name =
      names_.empty() ? fmt::format("{:05d}", index) : names_[static_cast<size_t>(index)];
  return folder_ / (name + ".png");
}

bool SampleFiles::contains(const fs::path& file) const {
  if (names_.empty()) {
    const std::string stem = file.stem().string();
    int64_t index = -1;
    std::from_chars(stem.data(), stem.data() + stem.size(), index);
    return index >= 0 && index < count_ && path(index) == file;
  }
  for (int64_t i = 0; i < count_; ++i) {
    if (path(i) == file) return true;
  }
  return false;
}

void SampleFiles::require_apart(const std::string& mask,
                                const std::vector<std::string>& outputs) const {
  if (!mask.empty() && contains(canonical_name(mask))) {
    throw InputError("--images {} would overwrite the mask {}; name another folder", given_, mask);
  }
  for (const std::string& output : outputs) {
    if (output.empty()) continue;
    const fs::path name = canonical_name(output);
    if (name == folder_ || contains(name)) {
      throw InputError("{} would be written twice, also by --images {}; give another name", output,
                       given_);
    }
  }
}

SampleFolder::SampleFolder(SampleFiles files, const ImageShape& shape, SampleSettings settings)
    : files_(std::move(files)), shape_(shape), settings_(std::move(settings)) {
  const fs::path stored = files_.folder() / kSettingsFile;
  has_settings_ = fs::exists(stored);
  if (has_settings_) {
    settings_.require_same(read_file(stored, kSettingsLimitBytes),
                           "--images " + files_.given_folder());
    log_info("{}: has {} of {} images already", files_.given_folder(), count_files(),
             files_.count());
    return;
  }
  if (!fs::exists(files_.folder())) return;
  for (int64_t i = 0; i < files_.count(); ++i) {
    if (!fs::exists(files_.path(i))) continue;
    throw InputError(
        "{}: exists already, and there is no {} that says how it was made; remove it, or name "
        "another folder",
        files_.path(i).string(), kSettingsFile);
  }
}

int64_t SampleFolder::count_files() const {
  int64_t count = 0;
  for (int64_t i = 0; i < files_.count(); ++i) count += fs::exists(files_.path(i)) ? 1 : 0;
  return count;
}

std::optional<at::Tensor> SampleFolder::find(int64_t index) const {
  const fs::path file = files_.path(index);
  if (!has_settings_ || !fs::exists(file)) return std::nullopt;
  try {
    const DecodedImage image = decode_image(file.string(), read_file(file, kImageLimitBytes),
                                            {.grey = shape_.channels == 1});
    if (image.shape != shape_) return std::nullopt;
    return at::tensor(at::ArrayRef<uint8_t>(image.pixels), at::kByte)
        .view({shape_.height, shape_.width, shape_.channels});
  } catch (const InputError&) {
    return std::nullopt;  // made again
  }
}

void SampleFolder::begin() {
  if (has_settings_) return;
  fs::create_directories(files_.folder());
  write_file_atomically(files_.folder() / kSettingsFile, settings_.text());
  has_settings_ = true;
}

void SampleFolder::take(const PixelBatch& batch) {
  begin();
  for (int64_t i = 0; i < batch.indices.numel(); ++i) {
    const fs::path file = files_.path(batch.indices[i].item<int64_t>());
    fs::create_directories(file.parent_path());
    write_image(file, batch.pixels[i]);
  }
}

}  // namespace gm
