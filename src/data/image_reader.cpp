#include "data/image_reader.h"

#include <ATen/ops/empty.h>

#include <span>

namespace gm {

ImageReader::ImageReader(std::shared_ptr<const ImageDataset> dataset,
                         const AugmentationOptions& augmentation, uint64_t seed)
    : dataset_(std::move(dataset)), augmentation_(augmentation), seed_(seed) {}

Batch ImageReader::read(std::span<const Sample> samples, const std::stop_token& stop) {
  const ImageShape& shape = dataset_->shape();
  const auto count = std::ssize(samples);
  const at::Tensor pixels =
      at::empty({count, shape.height, shape.width, shape.channels}, at::kByte);
  Batch batch;
  batch.positions = at::empty({count}, at::kLong);
  if (dataset_->has_labels()) batch.labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count && !stop.stop_requested(); ++i) {
    const Sample& sample = samples[static_cast<size_t>(i)];
    dataset_->read_image(sample.index, {pixels.data_ptr<uint8_t>() + i * shape.bytes(),
                                        static_cast<size_t>(shape.bytes())});
    batch.positions.data_ptr<int64_t>()[i] = sample.position;
    if (batch.labels.defined()) batch.labels.data_ptr<int64_t>()[i] = dataset_->label(sample.index);
  }
  if (!stop.stop_requested()) {
    batch.images = augment(pixels, batch.positions, augmentation_, seed_);
  }
  return batch;
}

}  // namespace gm
