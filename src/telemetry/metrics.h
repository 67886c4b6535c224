/// The numbers that a running process shows to Prometheus, and the endpoint that serves them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "telemetry/evaluation_report.h"
#include "telemetry/network_address.h"
#include "telemetry/step_report.h"

namespace gm {

/// The metrics of a rank: what it did itself and, on rank 0, the figures of the run. Names begin
/// with `gm_`, in base units. All series are present from the start, except results that do not
/// exist yet. Recording is safe from any thread and costs a few microseconds.
class Metrics {
 public:
  struct Options {
    bool is_rank_zero = true;
    int world_size = 1;
    int restarts = 0;           ///< Of the world, by its launcher.
    int64_t first_step = 0;     ///< The run continues here.
    int64_t first_samples = 0;  ///< Samples seen until then.
    int64_t planned_steps = 0;
    int64_t checkpoint_interval_steps = 0;
    int64_t dataset_size = 1;  ///< Samples of an epoch.
    /// Seconds until the watchdog ends the run. Called at a scrape, from another thread.
    std::function<double()> watchdog_margin = {};
  };

  Metrics() : Metrics(Options{}) {}
  explicit Metrics(const Options& options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// A finished optimizer step.
  void record_step(const StepReport& report);
  /// A step that did not change a network, because its loss or gradient was not finite.
  void record_skipped_step();
  /// A line of metrics.jsonl that could not be written.
  void record_lost_line();
  /// A grid of samples that was made.
  void record_samples(double seconds);
  /// An evaluation during training.
  void record_evaluation(const EvaluationReport& report, double seconds);
  /// A checkpoint that was saved.
  void record_checkpoint(int64_t step, int64_t bytes, double seconds);
  void record_failed_checkpoint();

  /// Serves `http://address:(port + local_rank)/metrics` until the process ends; port 0 serves
  /// nothing. If the port is taken, takes a free one, with a warning. If there is no such address,
  /// logs a warning, and the run continues without the endpoint. Returns where it serves; nullopt
  /// if it does not.
  std::optional<Endpoint> serve(const std::string& address, int port, int local_rank);

  /// All metrics in Prometheus' text format, as the endpoint gives them.
  std::string text() const;

 private:
  struct Families;
  std::shared_ptr<Families> families_;  // The server may outlive this object.
};

}  // namespace gm
