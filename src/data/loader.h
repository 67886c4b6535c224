/// Micro-batches of a dataset, in the order of sample_order.h, read and augmented ahead of need by
/// one background thread.
#pragma once

#include <cstdint>
#include <memory>

#include "data/augmentation.h"
#include "data/batch.h"
#include "data/image_dataset.h"

namespace gm {

struct LoaderOptions {
  int64_t batch_size = 32;  ///< Images in a micro-batch of the whole world.
  int64_t shards = 8;       ///< Virtual shards of the dataset.
  int rank = 0;
  int ranks = 1;
  uint64_t seed = 0;
  AugmentationOptions augmentation = {};
  int64_t prefetch = 4;           ///< Micro-batches kept ready; bounds the loader's memory.
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

  /// This rank's batch_size / ranks images of the next micro-batch; endless, epochs follow each
  /// other without a gap. Waits when it is not ready. Rethrows what went wrong in the background.
  Batch next();

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace gm
