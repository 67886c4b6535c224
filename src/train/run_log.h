/// Everything that a run tells while it continues: progress line, metrics.jsonl, Prometheus,
/// profile.
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

/// Rank 0 writes files, shows progress and says what all ranks know; every rank keeps its own
/// metrics, so that a slow rank is seen.
class RunLog {
 public:
  struct Options {
    bool is_rank_zero = true;
    int64_t first_step = 0;  ///< Where the run continues: what was written of later steps goes.
    int64_t total_steps = 0;
    double log_every_seconds = 10;
    int64_t profile_steps = 0;  ///< How many are timed operator by operator, on rank 0.
    CountFlops count_flops = {};
  };

  RunLog(const RunDirectory& directory, Metrics& metrics, const Options& options);

  /// Whether the run, as it was, left a line of this kind ("sample", "evaluation") at `first_step`.
  /// Known to rank 0.
  bool has_first(const std::string& kind) const { return first_kinds_.contains(kind); }

  void step(const StepReport& report);
  void sample(const RunState& state, const std::filesystem::path& grid, double seconds);
  void samples_failed(const RunState& state, const std::string& reason);
  void checkpoint(const SaveOutcome& outcome);
  void evaluation(const RunState& state, const EvaluationReport& report, double seconds);
  /// What the task says about the course of training.
  void warning(const RunState& state, const std::string& reason);
  /// A step in which `phases` had a loss or gradient that was not finite, and changed no weight.
  void skipped_step(const StepReport& report, const std::vector<std::string>& phases,
                    int64_t in_a_row);
  /// Returns when the lines so far are on the disk: a checkpoint follows what led to it.
  void sync();

 private:
  bool is_rank_zero() const { return json_lines_.has_value(); }
  void write(std::string_view kind, const RunState& state, const nlohmann::ordered_json& more);
  void tell_of_lost_lines(const RunState& state);
  void count_lost_line(bool written);

  Metrics& metrics_;
  std::optional<JsonLines> json_lines_;
  std::set<std::string> first_kinds_;
  int64_t lost_lines_ = 0;  // of which metrics.jsonl does not tell yet
  std::optional<ProgressLine> progress_;
  std::optional<Profile> profile_;
};

}  // namespace gm
