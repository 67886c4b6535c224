#include "data/pack/fit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/resample.h"

namespace gm {
namespace {

Picture resized(Picture picture, int64_t height, int64_t width) {
  if (picture.shape.height == height && picture.shape.width == width) return picture;
  Picture result{{height, width, picture.shape.channels}, {}};
  result.pixels.resize(static_cast<size_t>(result.shape.bytes()));
  Resampler(picture.shape, height, width, ResampleFilter::kBicubic)
      .resize(picture.pixels, result.pixels);
  return result;
}

/// Copies `rows` rows of `bytes` bytes between two pictures with rows of different lengths. `to`
/// may lie before `from` in the same memory, if its rows are no longer.
void copy_rows(const uint8_t* from, int64_t from_stride, uint8_t* to, int64_t to_stride,
               int64_t rows, int64_t bytes) {
  for (int64_t y = 0; y < rows; ++y, from += from_stride, to += to_stride)
    std::copy(from, from + bytes, to);
}

/// In place: a second copy of a large image would not fit many machines.
Picture middle_square(Picture picture) {
  const auto [height, width, channels] = picture.shape;
  if (height == width) return picture;
  const int64_t side = std::min(height, width);
  const int64_t top = (height - side) / 2, left = (width - side) / 2;
  copy_rows(picture.pixels.data() + (top * width + left) * channels, width * channels,
            picture.pixels.data(), side * channels, side, side * channels);
  picture.shape = {side, side, channels};
  picture.pixels.resize(static_cast<size_t>(picture.shape.bytes()));
  return picture;
}

Picture bordered(const Picture& picture, int64_t size) {
  const auto [height, width, channels] = picture.shape;
  Picture result{{size, size, channels}, {}};
  result.pixels.assign(static_cast<size_t>(result.shape.bytes()), 0);
  const int64_t top = (size - height) / 2, left = (size - width) / 2;
  copy_rows(picture.pixels.data(), width * channels,
            result.pixels.data() + (top * size + left) * channels, size * channels, height,
            width * channels);
  return result;
}

Picture padded(Picture picture, int64_t size) {
  const int64_t longer = std::max(picture.shape.height, picture.shape.width);
  const auto scaled = [&](int64_t side) {
    const double exact =
        static_cast<double>(side) * static_cast<double>(size) / static_cast<double>(longer);
    return std::max<int64_t>(1, std::llround(exact));
  };
  if (longer > size) {
    const int64_t height = scaled(picture.shape.height), width = scaled(picture.shape.width);
    picture = resized(std::move(picture), height, width);
  }
  return bordered(picture, size);
}

}  // namespace

Fit parse_fit(const std::string& name) {
  if (name == "crop") return Fit::kCrop;
  if (name == "pad") return Fit::kPad;
  if (name == "squash") return Fit::kSquash;
  throw InputError("fit is '{}', but crop, pad or squash is expected", name);
}

Picture fit_picture(Picture picture, int64_t size, Fit fit) {
  if (picture.shape.height == size && picture.shape.width == size) return picture;
  switch (fit) {
    case Fit::kCrop:
      return resized(middle_square(std::move(picture)), size, size);
    case Fit::kPad:
      return padded(std::move(picture), size);
    case Fit::kSquash:
      break;
  }
  return resized(std::move(picture), size, size);
}

}  // namespace gm
