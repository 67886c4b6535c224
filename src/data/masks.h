/// Masks: which pixels of an image are missing, and to be filled. Everywhere in gm 1 is missing
/// and 0 is known.
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

/// The masks of a run, one for each global sample position, or of images that are to be filled,
/// one for each. A drawn mask depends on (seed, stream, position) alone. Every mask has at least
/// one missing and one known pixel.
class MaskSource {
 public:
  /// For images of height x width. Throws InputError, naming key and file, when mask.coverage_*
  /// is upside down or leaves no mask of mask.kind, mask.path is set for another kind than `files`,
  /// a file of it cannot be used (mask_files.h says when), or the images are too small.
  MaskSource(const MaskConfig& config, int64_t height, int64_t width, uint64_t seed,
             Stream stream = Stream::kMask);
  /// The mask of position i is files[i]. Throws InputError when a file cannot be used.
  MaskSource(const std::vector<std::filesystem::path>& files, int64_t height, int64_t width);

  /// The masks of `positions`, int64 [n] on the CPU: float32 [n,1,H,W] of 0 and 1 on the CPU. May
  /// be called from several threads.
  at::Tensor masks(const at::Tensor& positions) const;

  /// Hash of the masks of mask.path, for ranks and runs to compare; empty for masks that are drawn,
  /// which configuration and seed describe.
  const std::string& content_hash() const { return content_hash_; }

 private:
  int64_t height_, width_;
  std::string content_hash_;
  /// Writes the mask of a position over H*W zeros.
  std::function<void(int64_t position, std::span<float> mask)> draw_;
};

}  // namespace gm
