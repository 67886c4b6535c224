/// Masks: which pixels of an image are missing and must be inpainted. In all of gm, 1 means missing
/// and 0 means known.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/counter_rng.h"
#include "data/mask_config.h"

namespace gm {

/// The masks of a run, one for each global sample position, or the masks of images to inpaint, one
/// for each image. A drawn mask depends only on (seed, stream, position). Every mask has at least
/// one missing and one known pixel.
class MaskSource {
 public:
  /// For images of height x width. Throws InputError, which names the key and file, when the range
  /// mask.coverage_* is reversed or allows no mask of mask.kind, when mask.path is set for another
  /// kind than `files`, when a mask file cannot be used (see mask_files.h), or when the images are
  /// too small.
  MaskSource(const MaskConfig& config, int64_t height, int64_t width, uint64_t seed,
             Stream stream = Stream::kMask);
  /// The mask of position i is files[i]. Throws InputError when a file cannot be used.
  MaskSource(const std::vector<std::filesystem::path>& files, int64_t height, int64_t width);

  /// The masks of `positions`, int64 [n] on the CPU: float32 [n,1,H,W] of 0 and 1 on the CPU. May
  /// be called from several threads.
  at::Tensor masks(const at::Tensor& positions) const;

  /// Hash of the masks of mask.path, to compare ranks and runs. Empty for drawn masks, which the
  /// configuration and seed determine.
  const std::string& content_hash() const { return content_hash_; }

 private:
  int64_t height_, width_;
  std::string content_hash_;
  /// Writes the mask of a position; expects H*W zeros.
  std::function<void(int64_t position, std::span<float> mask)> draw_;
};

}  // namespace gm
