/// Resizing of 8-bit pictures, bit for bit as Pillow does it: the filter is widened when a picture
/// gets smaller (antialiasing), rows first and then columns, weights in fixed point, 8 bits between
/// the passes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image_shape.h"

namespace gm {

enum class ResampleFilter {
  kBilinear,  ///< Triangle.
  kBicubic,   ///< Keys, "Cubic convolution interpolation", 1981, with a = -0.5.
};

/// A rectangle of the resized picture.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Resizes pictures of one shape to height x width. Holds scratch memory: one for each thread.
class Resampler {
 public:
  Resampler(const ImageShape& from, int64_t height, int64_t width, ResampleFilter filter);

  /// Writes the part `window` of the resized `pixels` [H,W,C] to `resized`
  /// [window.height, window.width, C]; other parts cost nothing.
  void resize(std::span<const uint8_t> pixels, const Window& window, std::span<uint8_t> resized);
  /// The whole picture.
  void resize(std::span<const uint8_t> pixels, std::span<uint8_t> resized);

 private:
  /// One axis: output i is the sum over k < count[i] of weights[i * taps + k] * input[first[i] +
  /// k], in units of 2^-22.
  struct Axis {
    Axis(int64_t from, int64_t to, ResampleFilter filter);
    bool is_identity = false;
    int64_t taps = 0;
    std::vector<int64_t> first, count;
    std::vector<int32_t> weights;
  };

  void resize_rows(const uint8_t* pixels, int64_t rows, const Window& window, uint8_t* out) const;
  void resize_columns(const uint8_t* rows, int64_t first_row, const Window& window, uint8_t* out);

  ImageShape from_;
  int64_t height_, width_;
  Axis vertical_, horizontal_;
  std::vector<uint8_t> rows_;
  std::vector<int32_t> sums_;
};

}  // namespace gm
