/// Resizing of 8-bit images, bitwise equal to Pillow 13: the filter is widened when an image gets
/// smaller (antialiasing), one axis after the other, weights in fixed point, 8 bits between the
/// passes.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "image/cpu/resize_rows.h"
#include "image/image_shape.h"
#include "image/resize_weights.h"

namespace gm {

/// A rectangle of the resized image.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Resizes images of one shape to height x width. Holds scratch memory: use one object per thread.
class Resampler {
 public:
  Resampler(const ImageShape& from, int64_t height, int64_t width, ResampleFilter filter);

  /// Writes the part `window` of the resized `pixels` [H,W,C] to `resized` [window.height,
  /// window.width, C]; other parts are not computed.
  void resize(std::span<const uint8_t> pixels, const Window& window, std::span<uint8_t> resized);
  /// The whole image.
  void resize(std::span<const uint8_t> pixels, std::span<uint8_t> resized);

 private:
  /// One axis: output i is the sum over k < count[i] of weights[i * taps + k] * input[first[i] +
  /// k], in units of 2^-22.
  struct Axis {
    Axis(int64_t from, int64_t to, ResampleFilter filter);
    /// The inputs [begin, end) of the outputs [first_output, first_output + outputs).
    std::pair<int64_t, int64_t> inputs(int64_t first_output, int64_t outputs) const;

    bool is_identity = false;
    int64_t taps = 0;
    std::vector<int64_t> first, count;
    std::vector<int32_t> weights;
  };
  /// Rows of a part of an image, `stride` bytes apart. first_row and first_column are the position
  /// of the part in the image.
  struct Rows {
    const uint8_t* bytes;
    int64_t stride;
    int64_t first_row, first_column;
  };

  void resize_horizontally(const Rows& from, int64_t rows, const Window& window, uint8_t* out);
  void resize_vertically(const Rows& from, int64_t row_bytes, const Window& window, uint8_t* out);

  ImageShape from_;
  int64_t height_, width_;
  Axis vertical_, horizontal_;
  std::vector<uint8_t> between_;
  std::vector<ResamplePixel> wide_;
  std::vector<int32_t> sums_;
};

}  // namespace gm
