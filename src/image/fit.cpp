#include "image/fit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/resize.h"

namespace gm {
namespace {

DecodedImage resized(DecodedImage image, int64_t height, int64_t width) {
  if (image.shape.height == height && image.shape.width == width) return image;
  DecodedImage result{{height, width, image.shape.channels}, {}};
  result.pixels.resize(static_cast<size_t>(result.shape.bytes()));
  Resampler(image.shape, height, width, ResampleFilter::kBicubic)
      .resize(image.pixels, result.pixels);
  return result;
}

/// Copies `rows` rows of `bytes` bytes between two images with rows of different lengths. `to` may
/// be before `from` in the same memory if its rows are not longer.
void copy_rows(const uint8_t* from, int64_t from_stride, uint8_t* to, int64_t to_stride,
               int64_t rows, int64_t bytes) {
  for (int64_t y = 0; y < rows; ++y, from += from_stride, to += to_stride)
    std::copy(from, from + bytes, to);
}

/// In place: many machines have no memory for a second copy of a large image.
DecodedImage middle_square(DecodedImage image) {
  const auto [height, width, channels] = image.shape;
  if (height == width) return image;
  const int64_t side = std::min(height, width);
  const int64_t top = (height - side) / 2, left = (width - side) / 2;
  copy_rows(image.pixels.data() + (top * width + left) * channels, width * channels,
            image.pixels.data(), side * channels, side, side * channels);
  image.shape = {side, side, channels};
  image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
  return image;
}

/// Black margins around an image that is not larger than `size`.
DecodedImage with_margins(const DecodedImage& image, int64_t size) {
  const auto [height, width, channels] = image.shape;
  DecodedImage result{{size, size, channels}, {}};
  result.pixels.assign(static_cast<size_t>(result.shape.bytes()), 0);
  const int64_t top = (size - height) / 2, left = (size - width) / 2;
  copy_rows(image.pixels.data(), width * channels,
            result.pixels.data() + (top * size + left) * channels, size * channels, height,
            width * channels);
  return result;
}

DecodedImage padded(DecodedImage image, int64_t size) {
  const int64_t longer = std::max(image.shape.height, image.shape.width);
  const auto scaled = [&](int64_t side) {
    const double exact =
        static_cast<double>(side) * static_cast<double>(size) / static_cast<double>(longer);
    return std::max<int64_t>(1, std::llround(exact));
  };
  if (longer > size) {
    const int64_t height = scaled(image.shape.height), width = scaled(image.shape.width);
    image = resized(std::move(image), height, width);
  }
  return with_margins(image, size);
}

}  // namespace

DecodedImage fit_image(DecodedImage image, int64_t size, Fit fit) {
  if (image.shape.height == size && image.shape.width == size) return image;
  switch (fit) {
    case Fit::kCrop:
      return resized(middle_square(std::move(image)), size, size);
    case Fit::kPad:
      return padded(std::move(image), size);
    case Fit::kSquash:
      break;
  }
  return resized(std::move(image), size, size);
}

}  // namespace gm
