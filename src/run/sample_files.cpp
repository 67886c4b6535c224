#include "run/sample_files.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/output.h"
#include "image/image_grid.h"

namespace gm {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 30;  // of the images and their grid

bool contains(const std::vector<std::filesystem::path>& files, const std::filesystem::path& file) {
  return std::ranges::find(files, file) != files.end();
}

at::Tensor last_squares(const at::Tensor& pixels) {
  return pixels.narrow(2, pixels.size(2) - pixels.size(1), pixels.size(1)).contiguous();
}

}  // namespace

void require_memory(int64_t count, const ImageShape& shape, int64_t squares) {
  const int64_t bytes =
      squares * shape.bytes() + bytes_in_grid(shape.height, squares * shape.width, shape.channels);
  if (count <= kMaxBytes / bytes) return;
  throw InputError("{} images are too many to make at a time: set --count to at most {}", count,
                   kMaxBytes / bytes);
}

std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder, int64_t count,
                                               const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> files;
  for (int64_t i = 0; i < count; ++i) {
    const std::string name =
        names.empty() ? fmt::format("{:05d}", i) : names[static_cast<size_t>(i)];
    files.push_back(folder / (name + ".png"));
  }
  return files;
}

void require_other_files(const std::vector<std::filesystem::path>& files, const std::string& folder,
                         const std::string& mask, const std::vector<std::string>& outputs) {
  if (!mask.empty() && contains(files, canonical_name(mask))) {
    throw InputError("--images {} would overwrite the mask {}; name another folder", folder, mask);
  }
  for (const std::string& output : outputs) {
    if (output.empty()) continue;
    const std::filesystem::path name = canonical_name(output);
    if (name == canonical_name(folder) || contains(files, name)) {
      throw InputError("{} would be written twice, also by --images {}; give another name", output,
                       folder);
    }
  }
}

void write_images(const std::vector<std::filesystem::path>& files, const PixelBatch& batch) {
  const at::Tensor images = last_squares(batch.pixels);
  for (int64_t i = 0; i < images.size(0); ++i) {
    const auto& file = files[static_cast<size_t>(batch.indices[i].item<int64_t>())];
    std::filesystem::create_directories(file.parent_path());
    write_image(file, images[i]);
  }
}

}  // namespace gm
