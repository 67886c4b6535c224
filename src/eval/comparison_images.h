/// What methods make of the same masked images, side by side.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "eval/masked_dataset.h"

namespace gm {

/// What the columns of comparison_images() are.
std::vector<std::string> comparison_labels(const std::vector<Method>& methods);

/// Inpaints with `method`, an Inpainter; the result is on the CPU.
using InpaintWith =
    std::function<at::Tensor(const Method& method, const MaskedImages& masked_images)>;

/// A visual comparison on the images `truth`: float32 [n,C,2H,(2+methods)W] in [-1,1]. Top row: the
/// original, the masked image, and the result of each method. Bottom row: nothing, the mask, and
/// the difference of each result from the original.
at::Tensor comparison_images(const std::vector<Method>& methods, const MaskedImages& truth,
                             const InpaintWith& inpaint);

}  // namespace gm
