/// Several methods beside each other, on the same images and masks: as a table for people, as
/// JSON for programs, and as an image.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "eval/inpainting_evaluation.h"

namespace gm {

/// A method's name with its report.
using NamedReport = std::pair<std::string, InpaintingReport>;

/// One row a method with its means over all images; then the PSNR in the masked area by the masked
/// area's area.
std::string comparison_table(const std::vector<NamedReport>& reports);

/// {"methods": [{"name", "images", "psnr_masked", ..., "by_area": [{"from", "to", ...}]}]}.
std::string comparison_json(const std::vector<NamedReport>& reports);

/// The images number `indices` as a person compares them, float32 [n,C,2H,(2+methods)W] in
/// [-1,1]: above, original, masked, and as each method fills it; below, nothing, the
/// mask, and the distance of each filling from the original.
at::Tensor comparison_images(const std::vector<InpaintMethod>& methods, const MaskedDataset& images,
                             const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
