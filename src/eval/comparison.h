/// Several methods beside each other, on the same pictures and holes: as a table for people, as
/// JSON for programs, and as a picture.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "eval/inpainting_evaluation.h"

namespace gm {

/// A method's name with its report.
using NamedReport = std::pair<std::string, InpaintingReport>;

/// One row a method with its means over all pictures; then the PSNR in the hole by the hole's area.
std::string comparison_table(const std::vector<NamedReport>& reports);

/// {"methods": [{"name", "pictures", "psnr_hole", ..., "by_area": [{"from", "to", ...}]}]}.
std::string comparison_json(const std::vector<NamedReport>& reports);

/// The pictures 0 .. count - 1 for write_image_grid(), uint8 [n,H,W,C], in two rows of `columns`
/// each: whole, with the hole, and as each method fills it; below, the mask, and the distance of
/// each filling from the original.
struct ComparisonPicture {
  at::Tensor pixels;
  int64_t columns = 0;
};
ComparisonPicture comparison_picture(const std::vector<FillMethod>& methods,
                                     const HoledPictures& pictures, int64_t count,
                                     const SamplingObserver& observer);

}  // namespace gm
