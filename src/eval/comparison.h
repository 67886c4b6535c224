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

/// The pictures number `indices` as a person compares them, float32 [n,C,2H,(2+methods)W] in
/// [-1,1]: above, whole, with the hole in grey, and as each method fills it; below, nothing, the
/// mask, and the distance of each filling from the original.
at::Tensor comparison_strips(const std::vector<FillMethod>& methods, const HoledPictures& pictures,
                             const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
