/// The HDF5 file of gm_sample --out: images as gm_data packs them, with their classes if they have
/// any.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.h"
#include "data/pack/hdf5_image_writer.h"
#include "eval/sampling.h"
#include "image/image_shape.h"
#include "run/sample_series.h"
#include "run/sample_settings.h"

namespace gm {

/// Of which classes samples are; none without names.
struct SampleClasses {
  std::vector<std::string> names = {};
  /// The classes of the samples `indices`, int64 [n] both; unused without names.
  std::function<at::Tensor(const at::Tensor& indices)> labels = {};
};

/// Those of the new images of `series`; named by their numbers if `run` knows no names.
SampleClasses classes_of(const LoadedRun& run, const SampleSeries& series);

struct SampleHdf5Options {
  std::filesystem::path path;
  int64_t count = 0;  ///< Samples in the file.
  ImageShape shape;
  SampleClasses classes = {};
};

/// Writes PATH.partial, with the settings of its samples, and renames it when it is complete. An
/// unfinished file is resumed. A file that is complete, with the same settings, needs nothing.
class SampleHdf5 final : public SampleReceiver {
 public:
  /// Creates nothing yet. Throws InputError when the file, or the unfinished file, is of other
  /// settings, another process writes it, or the disk has no room.
  SampleHdf5(SampleHdf5Options options, SampleSettings settings);
  /// Removes an unfinished file that has no samples.
  ~SampleHdf5() override;
  SampleHdf5(const SampleHdf5&) = delete;
  SampleHdf5& operator=(const SampleHdf5&) = delete;

  bool needs(int64_t index) override;
  /// Throws Error when the file cannot be written.
  void take(const PixelBatch& batch) override;
  void finish();

 private:
  void resume();
  void begin();
  void write(const PixelBatch& batch);

  SampleHdf5Options options_;
  SampleSettings settings_;
  std::filesystem::path final_, partial_;
  std::optional<FileLock> lock_;              // of the unfinished file
  std::unique_ptr<Hdf5ImageWriter> writer_;   // null until there is a file, and if it is complete
  bool is_complete_ = false;                  // since an earlier start
  bool is_in_place_ = false;                  // under its final name
  bool is_begun_ = false, is_saved_ = false;  // by this object
};

}  // namespace gm
