#include "data/image_grid.h"

#include <ATen/ATen.h>
#include <png.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/output.h"

namespace gm {
namespace {

constexpr int64_t kLineWidth = 2;
constexpr uint8_t kLineValue = 32;
constexpr int64_t kVisibleSide = 64;  // pixels of the screen that a small image is enlarged to

int64_t square_columns(int64_t count) {
  int64_t columns = 1;
  while (columns * columns < count) ++columns;
  return columns;
}

int64_t visible_scale(int64_t height) { return std::max<int64_t>(1, kVisibleSide / height); }

/// Pixels of the whole grid [height, width, channels].
struct GridImage {
  int64_t height, width, channels;
  std::vector<uint8_t> pixels;
};

GridImage arrange(const at::Tensor& images, int64_t columns, int64_t scale) {
  const int64_t count = images.size(0), channels = images.size(3);
  const int64_t height = images.size(1) * scale, width = images.size(2) * scale;
  const int64_t rows = (count + columns - 1) / columns;
  GridImage canvas{rows * (height + kLineWidth) + kLineWidth,
                   columns * (width + kLineWidth) + kLineWidth,
                   channels,
                   {}};
  canvas.pixels.assign(static_cast<size_t>(canvas.height * canvas.width * channels), kLineValue);
  const auto* source = images.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kLineWidth + i / columns * (height + kLineWidth);
    const int64_t left = kLineWidth + i % columns * (width + kLineWidth);
    for (int64_t y = 0; y < height; ++y) {
      uint8_t* out =
          &canvas.pixels[static_cast<size_t>(((top + y) * canvas.width + left) * channels)];
      for (int64_t x = 0; x < width; ++x, out += channels) {
        const int64_t pixel = (i * images.size(1) + y / scale) * images.size(2) + x / scale;
        std::copy_n(source + pixel * channels, channels, out);
      }
    }
  }
  return canvas;
}

void write_png(const std::filesystem::path& path, const GridImage& canvas) {
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(canvas.width);
  description.height = static_cast<png_uint_32>(canvas.height);
  description.format = canvas.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  write_output(path, [&](std::FILE* file) {
    const bool written =
        png_image_write_to_stdio(&description, file, 0, canvas.pixels.data(), 0, nullptr) != 0;
    // The system's reason tells more than the library's.
    if (written || std::ferror(file) != 0) return;
    throw Error("{}: writing the PNG failed: {}", path.string(), description.message);
  });
}

}  // namespace

at::Tensor to_pixels(const at::Tensor& images) {
  return images.detach()
      .to(at::kCPU, at::kFloat)
      .clamp(-1, 1)
      .add(1)
      .mul(127.5)
      .round()
      .to(at::kByte)
      .permute({0, 2, 3, 1})
      .contiguous();
}

void write_image_grid(const std::filesystem::path& path, const at::Tensor& images, int64_t columns,
                      int64_t scale) {
  if (images.dim() != 4 || images.scalar_type() != at::kByte || images.size(0) < 1 ||
      (images.size(3) != 1 && images.size(3) != 3) || columns < 0 || scale < 0) {
    throw Error("{}: a grid is made of uint8 images [n,H,W,1 or 3]", path.string());
  }
  if (columns == 0) columns = square_columns(images.size(0));
  if (scale == 0) scale = visible_scale(images.size(1));
  const GridImage canvas =
      arrange(images.cpu().contiguous(), std::min(columns, images.size(0)), scale);
  write_png(path, canvas);
}

int64_t bytes_in_grid(int64_t height, int64_t width, int64_t channels) {
  const int64_t scale = visible_scale(height);
  return (height * scale + kLineWidth) * (width * scale + kLineWidth) * channels;
}

void write_image(const std::filesystem::path& path, const at::Tensor& image) {
  const at::Tensor pixels = image.cpu().contiguous();
  const auto* first = pixels.const_data_ptr<uint8_t>();
  write_png(path, {.height = pixels.size(0),
                   .width = pixels.size(1),
                   .channels = pixels.size(2),
                   .pixels = {first, first + pixels.numel()}});
}

}  // namespace gm
