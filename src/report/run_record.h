/// What a report shows of a run, read from the directory of the run.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/run_config.h"
#include "report/downsampled_curve.h"
#include "telemetry/evaluation_report.h"

namespace gm {

/// The fields of a `train` line of metrics.jsonl that remarks need. Those that the line lacks are
/// NaN.
struct TrainLine {
  int64_t step = 0;
  double gradient_norm = 0, images_per_second = 0, step_seconds = 0, data_seconds = 0;
  double slowest_ratio = 0;  ///< The time of the slowest rank, divided by the median of the ranks.
  double slowest_rank = 0;
};

/// An `evaluation` line.
struct EvaluationLine {
  int64_t step = 0;
  std::string name;             ///< "inpainting"
  std::string provenance = {};  ///< All that the figures depend on besides the model.
  Figures figures = {};         ///< Those that are not finite are NaN.
  double seconds = 0;
};

/// An `event` line.
struct EventLine {
  int64_t step = 0;
  std::string event;   ///< "nonfinite"
  std::string reason;  ///< Empty if there is none.
};

/// A checkpoint that exists.
struct CheckpointEntry {
  int64_t step = 0;
  uint64_t bytes = 0;
  double seconds = 0;   ///< That the save took; NaN if not known.
  std::string best_by;  ///< "loss_held_out 0.0123" of the best checkpoint; else empty.
};

/// A grid of samples.
struct SampleFile {
  int64_t step = 0;
  std::filesystem::path path;
};

/// Memory is bounded however long the run is: curves are downsampled, and of lines only the newest
/// are kept.
struct RunRecord {
  static constexpr size_t kMostRecent = 500;        ///< Training lines.
  static constexpr size_t kMostEvaluations = 5000;  ///< Evaluation lines.
  static constexpr size_t kMostEvents = 1000;       ///< Event lines, of each kind.
  static constexpr size_t kMostNames = 200;         ///< Curves, parts, and kinds of events.

  std::string name;  ///< Of the directory; the path is config.run.dir.
  RunConfig config = {};

  int64_t last_step = 0, last_images = 0;
  double first_time = std::numeric_limits<double>::quiet_NaN();  ///< Unix seconds of a line.
  double last_time = std::numeric_limits<double>::quiet_NaN();
  double step_seconds = 0;    ///< The sum over all steps.
  double sample_seconds = 0;  ///< The sum over all grids of samples.
  double evaluation_seconds = 0;

  /// By the name of the field: loss, loss_NAME, learning_rate, gradient_norm, images_per_second,
  /// slowest_ratio.
  std::map<std::string, DownsampledCurve> curves = {};
  /// By part of a step: data, forward_backward, ..., in the order of the lines.
  std::vector<std::pair<std::string, DownsampledCurve>> parts = {};

  std::deque<TrainLine> recent = {};
  std::deque<EvaluationLine> evaluations = {};
  std::map<std::string, std::deque<EventLine>> events = {};  ///< By kind.
  std::map<std::string, int64_t> event_counts = {};          ///< Of all lines, by kind.
  int64_t restarts = 0;          ///< The most that its launcher counted.
  int64_t lost_lines = 0;        ///< Lines that the run could not write.
  int64_t unreadable_lines = 0;  ///< Lines that are damaged, or have one name too many; without a
                                 ///< last one that was cut off.

  /// What the run said about itself when it last started: version, ranks, device, ...
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<SampleFile> samples = {};           ///< Oldest first.
  std::vector<CheckpointEntry> checkpoints = {};  ///< Oldest first.

  bool is_finished() const { return last_step >= config.train.steps; }
  int64_t count(const std::string& event) const;
  /// The curve `name`; null if the run has none.
  const DownsampledCurve* curve(const std::string& name) const;
};

/// Reads the run in `directory`, which may still be training. Throws InputError if there is no such
/// directory, or if it is not that of a run.
RunRecord read_run_record(const std::filesystem::path& directory);

/// Adds a line of metrics.jsonl to the record. A line that is not a line of a run is counted.
void add_line(RunRecord& run, std::string_view line);

}  // namespace gm
