/// A comparison of several methods on the same images and masks: as a table, as JSON and as an
/// image.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "eval/inpainting_evaluation.h"

namespace gm {

/// The name and the report of a method.
using NamedReport = std::pair<std::string, InpaintingReport>;

/// One row per method with its means over all images; then the PSNR in the masked area by masked
/// fraction of the image.
std::string comparison_table(const std::vector<NamedReport>& reports);

/// {"methods": [{"name", "images", "psnr_masked", ..., "by_area": [{"from", "to", ...}]}]}.
std::string comparison_json(const std::vector<NamedReport>& reports);

/// What the columns of comparison_images() are.
std::vector<std::string> comparison_labels(const std::vector<InpaintMethod>& methods);

/// The images number `indices` for a visual comparison, float32 [n,C,2H,(2+methods)W] in [-1,1].
/// Top row: the original, the masked image, and the result of each method. Bottom row: nothing, the
/// mask, and the difference of each result from the original.
at::Tensor comparison_images(const std::vector<InpaintMethod>& methods, const MaskedDataset& images,
                             const at::Tensor& indices, const SamplingObserver& observer);

}  // namespace gm
