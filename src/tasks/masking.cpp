#include "tasks/masking.h"

#include <ATen/ATen.h>

#include "device/transfer.h"

namespace gm {

namespace {

/// The sum of each image's values: [n].
at::Tensor sums(const at::Tensor& values) { return values.sum({1, 2, 3}); }

at::Tensor mean_of_missing(const at::Tensor& errors, const at::Tensor& masks) {
  const at::Tensor missing_values = (sums(masks) * errors.size(1)).clamp_min(1);
  return (sums(errors) / missing_values).mean();
}

}  // namespace

MaskedImages upload(const MaskedImages& masked_images, at::Device device) {
  return {upload(masked_images.images, device), upload(masked_images.masks, device)};
}

at::Tensor network_input(const MaskedImages& masked_images) {
  const at::Tensor known = masked_images.images.masked_fill(masked_images.masks > 0.5, 0);
  return at::cat({known, masked_images.masks}, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor paste(const MaskedImages& masked_images, const at::Tensor& filling) {
  return at::where(masked_images.masks > 0.5, filling, masked_images.images);
}

at::Tensor inpaint_with_prediction(const MaskedImages& masked_images, const at::Tensor& filling) {
  return paste(masked_images, filling.clamp(-1, 1));
}

at::Tensor summed_squared_error(const at::Tensor& filled, const at::Tensor& original) {
  return sums((filled - original).square()).mean();
}

at::Tensor mean_squared_error(const at::Tensor& filled, const at::Tensor& original,
                              const at::Tensor& masks) {
  return mean_of_missing((filled - original).square(), masks);
}

at::Tensor mean_absolute_error(const at::Tensor& filled, const at::Tensor& original,
                               const at::Tensor& masks) {
  return mean_of_missing((filled - original).abs(), masks);
}

}  // namespace gm
