#include "data/read_images.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <vector>

namespace gm {

void scale_pixels(std::span<const uint8_t> pixels, float* values) {
  for (size_t i = 0; i < pixels.size(); ++i)
    values[i] = static_cast<float>(pixels[i]) * (2.0F / 255.0F) - 1.0F;
}

at::Tensor read_images(const ImageDataset& dataset, const at::Tensor& indices) {
  const ImageShape& shape = dataset.shape();
  const at::Tensor images =
      at::empty({indices.size(0), shape.channels, shape.height, shape.width},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  std::vector<uint8_t> pixels(static_cast<size_t>(shape.bytes()));
  const auto index = indices.accessor<int64_t, 1>();
  for (int64_t n = 0; n < indices.size(0); ++n) {
    dataset.read_image(index[n], pixels);
    scale_pixels(pixels, images.data_ptr<float>() + n * shape.bytes());
  }
  return images;
}

Batch read_batch(const ImageDataset& dataset, const at::Tensor& indices) {
  Batch batch{.images = read_images(dataset, indices), .positions = indices};
  if (!dataset.has_labels()) return batch;
  batch.labels = at::empty_like(indices);
  for (int64_t n = 0; n < indices.size(0); ++n) {
    batch.labels.data_ptr<int64_t>()[n] = dataset.label(indices.data_ptr<int64_t>()[n]);
  }
  return batch;
}

}  // namespace gm
