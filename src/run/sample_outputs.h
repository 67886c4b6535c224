/// All outputs of a gm_sample command. Used on rank 0.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress_bar.h"
#include "eval/sampling.h"
#include "image/image_shape.h"
#include "run/inpaint_input.h"
#include "run/sample_folder.h"
#include "run/sample_grid.h"
#include "run/sample_hdf5.h"
#include "run/sample_settings.h"

namespace gm {

struct SampleOutputsOptions {
  std::string out;     ///< A grid (PNG), or an HDF5 file.
  std::string images;  ///< The folder of --images; may be empty.
  /// Files that must not be in that folder: a mask, and another output; may be empty.
  std::string mask = {}, trajectory = {};
  int64_t count = 0;  ///< Samples.
  ImageShape shape;
  int64_t columns = 0;                  ///< Of the grid; 0: about as many as rows.
  const InpaintInput* input = nullptr;  ///< What is inpainted, for the grid; null for new images.
  SampleClasses classes = {};           ///< Of the samples, for the HDF5 file.
};

/// Whether the output `out` is an HDF5 file (.h5, .hdf5).
bool is_hdf5_output(const std::string& out);

/// Takes samples for all outputs, with progress on the terminal.
class SampleOutputs final : public SampleReceiver {
 public:
  /// Creates no files. Throws InputError when an output has samples of other settings, when outputs
  /// are in conflict, or when a grid cannot show all samples and they go nowhere else.
  SampleOutputs(const SampleOutputsOptions& options, const SampleSettings& settings);

  /// Whether any output needs it.
  bool needs(int64_t index) override;
  void take(const PixelBatch& batch) override;
  /// In place of the other functions, when the program stops before the last sample.
  void report_stop();
  /// Finishes the files, and writes the grid unless it goes to stdout. Files come before stdout,
  /// because the reader of stdout may close it early.
  void finish_files();
  /// Writes the grid if it goes to stdout.
  void finish_stdout();

 private:
  void finish_grid();

  SampleOutputsOptions options_;
  std::unique_ptr<SampleFolder> folder_;  // null without a folder
  std::unique_ptr<SampleHdf5> hdf5_;      // null unless `out` is an HDF5 file
  std::unique_ptr<SampleGrid> grid_;      // null if `out` is an HDF5 file
  int64_t finished_ = 0;                  // samples that no output needs any more
  std::optional<ProgressBar> progress_;   // until the last sample
};

}  // namespace gm
