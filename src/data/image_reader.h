/// Reads training images: decoded, augmented and scaled, with their labels.
#pragma once

#include <cstdint>
#include <memory>

#include "data/augmentation.h"
#include "data/batch_reader.h"
#include "data/image_dataset.h"

namespace gm {

class ImageReader final : public BatchReader {
 public:
  /// The augmentation of a sample depends on `seed` and its position.
  explicit ImageReader(std::shared_ptr<const ImageDataset> dataset,
                       const AugmentationOptions& augmentation = {}, uint64_t seed = 0);

  /// Fills images, positions and, if the dataset has them, labels. Stops between two images; then
  /// the images of the batch are undefined.
  Batch read(std::span<const Sample> samples, const std::stop_token& stop) override;

 private:
  std::shared_ptr<const ImageDataset> dataset_;
  AugmentationOptions augmentation_;
  uint64_t seed_;
};

}  // namespace gm
