/// Reads samples of a dataset into tensors.
#pragma once

#include <span>
#include <stop_token>

#include "data/batch.h"
#include "data/sample_order.h"

namespace gm {

class BatchReader {
 public:
  virtual ~BatchReader() = default;

  /// The samples, in this order, with their positions. A batch depends only on `samples`, not on
  /// earlier batches. Called from one thread at a time. When `stop` is requested, returns soon,
  /// with any content. Throws Error, which names the file, when a sample cannot be read.
  virtual Batch read(std::span<const Sample> samples, const std::stop_token& stop) = 0;
};

}  // namespace gm
