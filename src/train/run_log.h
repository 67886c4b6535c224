/// Everything that a run tells while it goes on: progress line, metrics.jsonl, Prometheus.
#pragma once

#include <cstdint>
#include <optional>

#include "telemetry/json_lines.h"
#include "telemetry/metrics.h"
#include "telemetry/progress.h"
#include "train/run_directory.h"
#include "train/run_state.h"

namespace gm {

/// Rank 0 writes files and shows progress; every rank keeps its own metrics, so that a slow rank is
/// seen.
class RunLog {
 public:
  struct Options {
    bool is_rank_zero = true;
    int64_t total_steps = 0;
    double log_every_seconds = 10;
  };

  RunLog(const RunDirectory& directory, Metrics& metrics, const Options& options);

  void step(const StepReport& report);
  void sample(const RunState& state, const std::filesystem::path& grid, double seconds);
  void samples_failed(const RunState& state, const std::string& reason);
  void checkpoint(const RunState& state, const std::filesystem::path& folder, double seconds);
  void checkpoint_failed(const RunState& state, const std::string& reason);
  /// A step whose loss or gradient was not finite and that changed no weight.
  void skipped_step(const StepReport& report, int64_t in_a_row);

 private:
  void write(std::string_view kind, const RunState& state, const nlohmann::ordered_json& more);

  Metrics& metrics_;
  std::optional<JsonLines> json_lines_;
  std::optional<ProgressLine> progress_;
};

}  // namespace gm
