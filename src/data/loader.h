/// Micro-batches, read in advance by one background thread.
#pragma once

#include <cstdint>
#include <memory>

#include "data/batch.h"
#include "data/batch_reader.h"
#include "data/sample_order.h"

namespace gm {

/// Knows neither what a sample is nor how samples are ordered: the order says which samples come
/// next, the reader reads them.
class Loader {
 public:
  struct Options {
    int64_t prefetch = 4;           ///< Micro-batches kept ready, >= 1; limits the memory.
    int64_t first_micro_batch = 0;  ///< Number of the first micro-batch that next() yields.
  };

  /// Starts reading.
  Loader(std::unique_ptr<const SampleOrder> order, std::unique_ptr<BatchReader> reader,
         const Options& options);
  /// Stops the background thread as soon as the reader notices it.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// This rank's part of the next micro-batch. Never ends. Waits until the batch is ready. Rethrows
  /// errors of the order and of the reader.
  Batch next();

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace gm
