/// A run's metrics.jsonl: one JSON object per line, appended, readable with jq while the run
/// continues.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/evaluation_report.h"
#include "telemetry/step_report.h"

namespace gm {

/// Removes the lines of steps after `step`, where the run resumes, and a line that a crash cut off.
/// The file is replaced atomically, or unchanged if there is nothing to remove; it need not exist.
/// Returns the kinds of the lines that `step` has, with the names of evaluations: "sample",
/// "evaluation inpainting". Throws Error if the disk fails.
std::set<std::string> rewind_json_lines(const std::filesystem::path& path, int64_t step);

/// An evaluation in metrics.jsonl.
struct PastEvaluation {
  int64_t step = 0;
  Figures figures = {};
};

/// The evaluations in `path`, which need not exist, that can be compared with `report`: those with
/// its comparable_json(). With the figures of `report`, in the order of the file; a figure that was
/// not finite is NaN.
std::vector<PastEvaluation> comparable_evaluations(const std::filesystem::path& path,
                                                   const EvaluationReport& report);

/// Appends lines to a file. A line that cannot be written (full disk) is dropped, the first with a
/// warning: a lost line must not stop a run.
class JsonLines {
 public:
  /// Creates the file or continues at its end. Throws Error when it cannot be opened.
  explicit JsonLines(const std::filesystem::path& path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  /// Writes `{"kind": kind, "step": step, "images": images, "time": now, ...more}`. `kind` is one
  /// of train, evaluation, sample, checkpoint, event; `more` an object. Numbers that are not finite
  /// become null. Returns whether the line is written.
  bool write(std::string_view kind, int64_t step, int64_t images,
             const nlohmann::ordered_json& more);
  /// The `train` line of a step: loss, loss_NAME, learning_rate, gradient_norm, step_seconds,
  /// images_per_second, PART_seconds, and with several ranks slowest_rank and slowest_ratio.
  bool write_step(const StepReport& report);

  /// Returns when the written lines are on the disk, or cannot be written to it.
  void sync();

 private:
  bool append(std::string_view line);
  void cut_to(off_t length);

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool has_warned_ = false;
};

}  // namespace gm
