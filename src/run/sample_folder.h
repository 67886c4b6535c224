/// The folder of gm_sample --images: a PNG file for each sample, and samples.json, which says how
/// they were made.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/sampling.h"
#include "image/image_shape.h"
#include "run/sample_settings.h"

namespace gm {

/// The files of samples in a folder.
class SampleFiles {
 public:
  /// Of the samples 0 .. `count` - 1, with `names`, or numbered if there are none. `folder` as the
  /// user gave it.
  SampleFiles(std::string folder, int64_t count, std::vector<std::string> names);

  const std::string& given_folder() const { return given_; }
  const std::filesystem::path& folder() const { return folder_; }  ///< Canonical.
  int64_t count() const { return count_; }
  std::filesystem::path path(int64_t index) const;
  /// Whether `file`, a canonical name (canonical_name()), is one of them.
  bool contains(const std::filesystem::path& file) const;
  /// Throws InputError when one of them, or the folder itself, is one of the `outputs`, or when one
  /// of them is the mask at `mask`; empty names are ignored.
  void require_apart(const std::string& mask, const std::vector<std::string>& outputs) const;

 private:
  std::string given_;
  std::filesystem::path folder_;
  int64_t count_;
  std::vector<std::string> names_;
};

class SampleFolder {
 public:
  /// Creates nothing yet. Throws InputError when the folder has samples of other settings, or
  /// images of which it does not say how they were made.
  SampleFolder(SampleFiles files, const ImageShape& shape, SampleSettings settings);

  /// Throws Error when a file cannot be written.
  void take(const PixelBatch& batch);

  /// The pixels of a sample that the folder has already, as an intact file, uint8 [H,W,C]; nullopt
  /// if it must be made.
  std::optional<at::Tensor> find(int64_t index) const;

 private:
  void begin();
  int64_t count_files() const;

  SampleFiles files_;
  ImageShape shape_;
  SampleSettings settings_;
  bool has_settings_;  // on the disk
};

}  // namespace gm
