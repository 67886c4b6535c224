/// Micro-batches of a dataset, in the order of sample_order.h. One background thread reads and
/// augments them in advance.
#pragma once

#include <cstdint>
#include <memory>

#include "data/augmentation.h"
#include "data/batch.h"
#include "data/image_dataset.h"

namespace gm {

struct LoaderOptions {
  int64_t batch_size = 32;  ///< Images in a micro-batch, over all ranks.
  int64_t shards = 8;       ///< Virtual shards of the dataset.
  int rank = 0;
  int ranks = 1;
  uint64_t seed = 0;
  AugmentationOptions augmentation = {};
  int64_t prefetch = 4;           ///< Micro-batches kept ready; limits the memory of the loader.
  int64_t first_micro_batch = 0;  ///< Global index of the first micro-batch that next() yields.
};

class ImageLoader {
 public:
  /// Starts reading. Throws InputError as check_divisible() does.
  ImageLoader(std::shared_ptr<const ImageDataset> dataset, const LoaderOptions& options);
  /// Stops the background thread at its next image.
  ~ImageLoader();
  ImageLoader(const ImageLoader&) = delete;
  ImageLoader& operator=(const ImageLoader&) = delete;

  /// The batch_size / ranks images of this rank in the next micro-batch. Never ends: epochs follow
  /// each other without a gap. Waits until the batch is ready. Rethrows errors of the background
  /// thread.
  Batch next();

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace gm
