/// All output of a run during training: progress line, metrics.jsonl, Prometheus, profile.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/background_writer.h"
#include "telemetry/evaluation_report.h"
#include "telemetry/json_lines.h"
#include "telemetry/metrics.h"
#include "telemetry/step_progress.h"
#include "train/profile.h"
#include "train/run_directory.h"

namespace gm {

/// Rank 0 writes the files, the progress line and the messages. Every rank keeps its own metrics,
/// so that a slow rank is visible.
class RunLog {
 public:
  struct Options {
    bool is_rank_zero = true;
    int64_t first_step = 0;  ///< The run continues here: later lines are removed.
    int64_t total_steps = 0;
    double log_every_seconds = 10;
    int64_t profile_steps = 0;  ///< Number of profiled steps, on rank 0.
    CountFlops count_flops = {};
  };

  RunLog(const RunDirectory& directory, Metrics& metrics, const Options& options);

  /// Whether metrics.jsonl has a line of this kind ("sample", "evaluation inpainting") for
  /// `first_step` from before the resume. Valid on rank 0 only.
  bool has_first(const std::string& kind) const { return first_kinds_.contains(kind); }

  void step(const StepReport& report);
  void sample(const RunState& state, const std::filesystem::path& grid, double seconds);
  void samples_failed(const RunState& state, const std::string& reason);
  void checkpoint(const SaveOutcome& outcome);
  void evaluation(const RunState& state, const EvaluationReport& report, double seconds);
  /// A warning of the task about the training.
  void warning(const RunState& state, const std::string& reason);
  /// A step where the loss or gradient of `phases` was not finite and their weights did not change.
  void skipped_step(const StepReport& report, const std::vector<std::string>& phases,
                    int64_t in_a_row);
  /// Returns when all lines so far are on the disk. Called before a checkpoint, which must not be
  /// newer than the log.
  void sync();

 private:
  bool is_rank_zero() const { return json_lines_.has_value(); }
  void write(std::string_view kind, const RunState& state, const nlohmann::ordered_json& more);
  void report_lost_lines(const RunState& state);
  void count_lost_line(bool written);

  Metrics& metrics_;
  std::optional<JsonLines> json_lines_;
  std::set<std::string> first_kinds_;
  int64_t lost_lines_ = 0;  // not recorded in metrics.jsonl yet
  std::optional<ProgressLine> progress_;
  std::optional<Profile> profile_;
};

}  // namespace gm
