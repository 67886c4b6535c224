/// The grid of gm_sample --out: the first samples beside each other, as a PNG file.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eval/sampling.h"
#include "image/image_shape.h"

namespace gm {

struct SampleGridOptions {
  std::filesystem::path path;
  int64_t count = 0;    ///< Samples in the grid; the others are ignored.
  int64_t columns = 0;  ///< As in GridLayout.
  /// What the parts of a frame are; empty if there is nothing to say.
  std::vector<std::string> labels = {};
  /// What the grid shows of a sample: uint8 [n,H,W',C] of a batch of [n,H,W,C].
  std::function<at::Tensor(const PixelBatch& batch)> frame = [](const PixelBatch& batch) {
    return batch.pixels;
  };
};

/// How many images of `shape`, each shown as `squares` squares beside each other, a grid can have:
/// at most 4096, and at most 1 GiB.
int64_t largest_grid(const ImageShape& shape, int64_t squares);

class SampleGrid final : public SampleReceiver {
 public:
  explicit SampleGrid(SampleGridOptions options) : options_(std::move(options)) {}

  /// Number of samples in the grid.
  int64_t count() const { return options_.count; }
  bool needs(int64_t index) override { return index < options_.count; }
  void take(const PixelBatch& batch) override;
  /// Writes the file. Throws Error when it cannot be written.
  void finish();

 private:
  SampleGridOptions options_;
  at::Tensor pixels_;  // [count,H,W',C]
};

}  // namespace gm
