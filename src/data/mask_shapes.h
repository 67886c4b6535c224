/// The mask shapes: how each kind of mask is drawn.
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

  /// Expects H*W zeros in `mask`, row by row; sets missing pixels to 1. The result depends only on
  /// `random`. Uses no functions such as sin, whose last digits differ between machines.
  virtual void draw(CounterRng& random, std::span<float> mask) const = 0;
};

/// The kinds from which `mixed` chooses at random, in the order of its draws.
///
/// `rectangle`  one rectangle; its aspect ratio differs from that of the image by at most a factor
///              of 2. Every size within the range of coverage is equally likely, which makes the
///              distribution of the area even.
/// `boxes`      several boxes, each with a third of the missing area. They may overlap and extend
///              beyond the image.
/// `strokes`    a round brush along lines of random turns, as in Yu et al., "Free-form image
///              inpainting with gated convolution", ICCV 2019, and Suvorov et al.,
///              "Resolution-robust large mask inpainting with Fourier convolutions", WACV 2022.
/// `half`       left, right, upper or lower half; ignores the range of coverage.
/// `centre`     a rectangle with the aspect ratio of the image, in its middle.
/// `pixels`     single pixels, each with the same probability.
/// For boxes, strokes and pixels, the number of missing pixels is drawn uniformly from the range
/// and reached exactly: the last box or dab of the brush is cut off.
inline constexpr std::array kDrawnMaskKinds{MaskKind::kRectangle, MaskKind::kBoxes,
                                            MaskKind::kStrokes,   MaskKind::kHalf,
                                            MaskKind::kCentre,    MaskKind::kPixels};

/// One of kDrawnMaskKinds, or `mixed`. Throws InputError, naming the keys, when coverage_min >
/// coverage_max, or no mask of that kind is in the range.
std::unique_ptr<const MaskShape> make_mask_shape(const MaskConfig& config, int64_t height,
                                                 int64_t width);

}  // namespace gm
