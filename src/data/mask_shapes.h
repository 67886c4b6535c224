/// The shapes of masks: how each kind of mask is drawn into one image.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/counter_rng.h"
#include "data/mask_config.h"

namespace gm {

/// Draws masks of one kind for images of one size. At least one pixel is missing and at least one
/// is known.
class MaskShape {
 public:
  virtual ~MaskShape() = default;

  /// `mask` are H*W zeros, row by row; those of the missing pixels become 1. What is drawn follows
  /// from `random` alone, without sines and the like, whose last digits differ between machines.
  virtual void draw(CounterRng& random, std::span<float> mask) const = 0;
};

/// The kinds of MaskConfig::kind that `mixed` takes by chance.
///
/// `rectangle`  one rectangle, at most twice as wide or high as the image's proportions; every
///              size within the range of coverage is equally likely, which makes the area even.
/// `boxes`      several, each a third of the missing area, which may overlap and overhang.
/// `strokes`    a round brush along lines of random turns, as in Yu et al., "Free-form image
///              inpainting with gated convolution", ICCV 2019, and Suvorov et al.,
///              "Resolution-robust large mask inpainting with Fourier convolutions", WACV 2022.
/// `half`       left, right, upper or lower half, whatever the range of coverage.
/// `centre`     a rectangle of the image's proportions in its middle.
/// `pixels`     single pixels, each with the same probability.
///
/// Of boxes, strokes and pixels exactly as many pixels are missing as an even draw within the range
/// says: the last box, or dab of the brush, ends where the number is reached.
inline constexpr std::array<const char*, 6> kDrawnMaskKinds{"rectangle", "boxes",  "strokes",
                                                            "half",      "centre", "pixels"};

/// One of kDrawnMaskKinds, or `mixed`. Throws InputError, naming the keys, when the range of
/// coverage is upside down, or no mask of that kind lies within it.
std::unique_ptr<const MaskShape> make_mask_shape(const MaskConfig& config, int64_t height,
                                                 int64_t width);

}  // namespace gm
