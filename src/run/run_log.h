/// All output of a run during training: progress line, metrics.jsonl, Prometheus, profile.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "run/overfitting_monitor.h"
#include "run/profile.h"
#include "run/run_directory.h"
#include "run/run_table.h"
#include "telemetry/json_lines.h"
#include "telemetry/metrics.h"
#include "telemetry/step_progress.h"
#include "train/training_observer.h"

namespace gm {

/// Rank 0 writes the files, the progress line and the messages. Every rank keeps its own metrics,
/// so that a slow rank is visible.
class RunLog final : public TrainingObserver {
 public:
  struct Options {
    bool is_rank_zero = true;
    int64_t first_step = 0;  ///< The run continues here: later lines are removed.
    int64_t total_steps = 0;
    double log_every_seconds = 10;
    int64_t profile_steps = 0;  ///< Number of profiled steps, on rank 0.
    CountFlops count_flops = {};
    bool keeps_best = false;  ///< Whether checkpoint.keep_best is set.
  };

  RunLog(const RunDirectory& directory, Metrics& metrics, const Options& options);

  /// A world of `version` begins to train after `first`; `rows` describe the run. The launcher has
  /// started it again `restarts` times so far.
  void started(const RunState& first, int restarts, const std::string& version,
               const std::vector<TableRow>& rows);
  void step(const StepReport& report) override;
  void skipped_step(const StepReport& report, const std::vector<std::string>& phases,
                    int64_t in_a_row) override;
  void warning(const RunState& state, const std::string& reason) override;
  /// Samples that cannot be written are only a warning: the run continues.
  void samples(const RunState& state, const Artefact& samples, double seconds) override;
  /// Also warns of over-fitting, if there is a loss on held-out images.
  void evaluation(const RunState& state, const EvaluationReport& report, double seconds) override;
  void checkpoint(const SaveOutcome& outcome) override;
  /// Whether metrics.jsonl has such a line for `first_step` from before the resume.
  bool has_first(const std::string& kind) const override { return first_kinds_.contains(kind); }
  void sync() override;

 private:
  bool is_rank_zero() const { return json_lines_.has_value(); }
  void write(std::string_view kind, const RunState& state, const nlohmann::ordered_json& more);
  std::string overfitting_remark(const RunState& state, const EvaluationReport& report);
  void report_lost_lines(const RunState& state);
  void count_lost_line(bool written);

  RunDirectory directory_;
  Metrics& metrics_;
  std::optional<JsonLines> json_lines_;
  std::set<std::string> first_kinds_;
  int64_t lost_lines_ = 0;  // not recorded in metrics.jsonl yet
  bool keeps_best_;
  std::optional<OverfittingMonitor> overfitting_;  // from the first loss on held-out images on
  std::optional<ProgressLine> progress_;
  std::optional<Profile> profile_;
};

}  // namespace gm
