#include "eval/comparison_images.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace gm {

std::vector<std::string> comparison_labels(const std::vector<Method>& methods) {
  std::vector<std::string> labels{"original", "masked"};
  for (const Method& method : methods) {
    labels.push_back(
        std::filesystem::path(method.name).filename());  // of a run's path, the end tells most
  }
  return labels;
}

at::Tensor comparison_images(const std::vector<Method>& methods, const MaskedImages& truth,
                             const InpaintWith& inpaint) {
  const at::Tensor mask = (truth.masks * 2 - 1).expand_as(truth.images);
  std::vector<at::Tensor> above{truth.images, images_with_visible_masks(truth)};
  std::vector<at::Tensor> below{at::full_like(truth.images, -1), mask};
  for (const Method& method : methods) {
    const at::Tensor filled = inpaint(method, truth);
    above.push_back(filled);
    below.push_back((filled - truth.images).abs() - 1);
  }
  return at::cat({at::cat(above, /*dim=*/3), at::cat(below, /*dim=*/3)}, /*dim=*/2);
}

}  // namespace gm
