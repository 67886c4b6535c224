/// PNG files for tests.
#pragma once

#include <ATen/ATen.h>
#include <png.h>

#include <filesystem>
#include <stdexcept>

namespace gm {

/// Writes `pixels`, uint8 [H,W,C] with C = 1 or 3, unchanged.
inline void write_png(const std::filesystem::path& path, const at::Tensor& pixels) {
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.height = static_cast<png_uint_32>(pixels.size(0));
  description.width = static_cast<png_uint_32>(pixels.size(1));
  description.format = pixels.size(2) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const at::Tensor dense = pixels.to(at::kByte).contiguous();
  if (png_image_write_to_file(&description, path.c_str(), 0, dense.const_data_ptr(), 0, nullptr) ==
      0)
    throw std::runtime_error(description.message);
}

}  // namespace gm
