#include "data/image_reader.h"

#include <ATen/ops/empty.h>

#include "data/read_images.h"

namespace gm {

ImageReader::ImageReader(std::shared_ptr<const ImageDataset> dataset,
                         const AugmentationOptions& augmentation, uint64_t seed)
    : dataset_(std::move(dataset)),
      augmentation_(dataset_->shape(), augmentation, seed),
      pixels_(static_cast<size_t>(dataset_->shape().bytes())) {}

Batch ImageReader::read(std::span<const Sample> samples, const std::stop_token& stop) {
  const ImageShape& shape = dataset_->shape();
  const auto count = std::ssize(samples);
  Batch batch;
  batch.images =
      at::empty({count, shape.channels, shape.height, shape.width},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  batch.positions = at::empty({count}, at::kLong);
  if (dataset_->has_labels()) batch.labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count && !stop.stop_requested(); ++i) read_into(batch, i, samples[i]);
  return batch;
}

/// Entry `i` of the batch becomes `sample`.
void ImageReader::read_into(Batch& batch, int64_t i, const Sample& sample) {
  dataset_->read_image(sample.index, pixels_);
  augmentation_.apply(pixels_, static_cast<uint64_t>(sample.position));
  scale_pixels(pixels_, batch.images.data_ptr<float>() + i * dataset_->shape().bytes());
  batch.positions.data_ptr<int64_t>()[i] = sample.position;
  if (batch.labels.defined()) batch.labels.data_ptr<int64_t>()[i] = dataset_->label(sample.index);
}

}  // namespace gm
