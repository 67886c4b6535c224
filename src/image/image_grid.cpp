#include "image/image_grid.h"

#include <ATen/ATen.h>
#include <png.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/output.h"
#include "image/bitmap_font.h"

namespace gm {
namespace {

constexpr int64_t kLineWidth = 2;
constexpr uint8_t kLineValue = 32;
constexpr uint8_t kLabelValue = 224;
constexpr int64_t kLabelMargin = 3;
constexpr int64_t kVisibleSide = 64;  // minimum side in the grid: smaller images are enlarged

int64_t square_columns(int64_t count) {
  int64_t columns = 1;
  while (columns * columns < count) ++columns;
  return columns;
}

int64_t visible_scale(int64_t side) { return (kVisibleSide + side - 1) / side; }

/// Enlarges parts of this width until their labels fit, up to twice the visible side.
int64_t scale_for_labels(const std::vector<std::string>& labels, int64_t side) {
  int64_t width = 0;
  for (const std::string& label : labels)
    width = std::max(width, (std::ssize(label) + 1) * (kGlyphWidth + 1));
  return (std::min(width, 2 * kVisibleSide) + side - 1) / side;
}

/// The pixels of the whole grid, [height, width, channels].
struct GridImage {
  int64_t height, width, channels;
  std::vector<uint8_t> pixels;

  uint8_t* at(int64_t y, int64_t x) {
    return &pixels[static_cast<size_t>((y * width + x) * channels)];
  }
};

/// Where the images of a grid are, in pixels of the grid.
struct Grid {
  int64_t columns, rows, scale;
  int64_t height, width;  // of an image, enlarged
  int64_t header;         // height of the labels

  int64_t left(int64_t column) const { return kLineWidth + column * (width + kLineWidth); }
  int64_t top(int64_t row) const { return header + kLineWidth + row * (height + kLineWidth); }
};

Grid grid_for(const LabelledImages& labelled, const GridLayout& layout) {
  const at::Tensor& images = labelled.images;
  const int64_t count = images.size(0);
  const int64_t columns =
      std::min(count, layout.columns > 0 ? layout.columns : square_columns(count));
  const int64_t parts = std::max<int64_t>(1, std::ssize(labelled.labels));
  const int64_t side = labelled.labels.empty() ? images.size(1) : images.size(2) / parts;
  const int64_t scale =
      layout.scale > 0 ? layout.scale
                       : std::max(visible_scale(side), scale_for_labels(labelled.labels, side));
  return {.columns = columns,
          .rows = (count + columns - 1) / columns,
          .scale = scale,
          .height = images.size(1) * scale,
          .width = images.size(2) * scale,
          .header = labelled.labels.empty() ? 0 : kGlyphHeight + 2 * kLabelMargin};
}

void draw_image(const at::Tensor& image, const Grid& grid, int64_t top, int64_t left,
                GridImage& canvas) {
  const auto* source = image.const_data_ptr<uint8_t>();
  for (int64_t y = 0; y < grid.height; ++y) {
    for (int64_t x = 0; x < grid.width; ++x) {
      const int64_t pixel = y / grid.scale * image.size(1) + x / grid.scale;
      std::copy_n(source + pixel * canvas.channels, canvas.channels, canvas.at(top + y, left + x));
    }
  }
}

/// Cut off where it is longer than `width`.
void draw_text(const std::string& text, int64_t top, int64_t left, int64_t width,
               GridImage& canvas) {
  const int64_t advance = kGlyphWidth + 1;
  for (int64_t i = 0; i < std::ssize(text) && (i + 1) * advance <= width; ++i) {
    const Glyph glyph = glyph_of(text[static_cast<size_t>(i)]);
    for (int64_t y = 0; y < kGlyphHeight; ++y) {
      for (int64_t x = 0; x < kGlyphWidth; ++x) {
        if (!glyph[static_cast<size_t>(y)][static_cast<size_t>(x)]) continue;
        std::fill_n(canvas.at(top + y, left + i * advance + x), canvas.channels, kLabelValue);
      }
    }
  }
}

GridImage arrange(const LabelledImages& labelled, const GridLayout& layout) {
  const at::Tensor images = labelled.images.cpu().contiguous();
  const Grid grid = grid_for(labelled, layout);
  GridImage canvas{grid.top(grid.rows), grid.left(grid.columns), images.size(3), {}};
  canvas.pixels.assign(static_cast<size_t>(canvas.height * canvas.width * canvas.channels),
                       kLineValue);
  for (int64_t i = 0; i < images.size(0); ++i) {
    draw_image(images[i], grid, grid.top(i / grid.columns), grid.left(i % grid.columns), canvas);
  }
  for (int64_t column = 0; column < grid.columns; ++column) {
    const int64_t parts = std::ssize(labelled.labels);
    for (int64_t part = 0; part < parts; ++part) {
      draw_text(labelled.labels[static_cast<size_t>(part)], kLabelMargin,
                grid.left(column) + part * grid.width / parts, grid.width / parts, canvas);
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
    // If the write failed, the caller reports the error of the system, which is more precise than
    // that of libpng.
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

void write_image_grid(const std::filesystem::path& path, const LabelledImages& images,
                      const GridLayout& layout) {
  const at::Tensor& pixels = images.images;
  if (pixels.dim() != 4 || pixels.scalar_type() != at::kByte || pixels.size(0) < 1 ||
      (pixels.size(3) != 1 && pixels.size(3) != 3) || layout.columns < 0 || layout.scale < 0) {
    throw Error("{}: a grid is made of uint8 images [n,H,W,1 or 3]", path.string());
  }
  write_png(path, arrange(images, layout));
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
