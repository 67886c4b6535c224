/// The numbers that a running process shows to Prometheus, and the endpoint that serves them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "telemetry/evaluation_report.h"
#include "telemetry/step_report.h"

namespace gm {

/// Every metric of a rank, all of them present (0) from the start. Names begin with `gm_`, in base
/// units. Recording is safe from any thread and costs a few atomic additions.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// A finished optimizer step.
  void record_step(const StepReport& report);
  /// A step that did not change a network, because its loss or gradient was not finite.
  void record_skipped_step();
  /// A line of metrics.jsonl that could not be written.
  void record_lost_line();
  /// The figures of an evaluation during training.
  void record_evaluation(const EvaluationReport& report);
  /// A checkpoint attempt; a failed one only counts as a failure.
  void record_checkpoint(double seconds, bool succeeded);

  /// Serves `http://address:(port + local_rank)/metrics` until the process ends; port 0 serves
  /// nothing. If the port cannot be bound (in use, not an address of this machine, no IPv6), logs a
  /// warning, and the run continues without the endpoint. Returns whether it serves.
  bool serve(const std::string& address, int port, int local_rank);

  /// All metrics in Prometheus' text format, as the endpoint gives them.
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace gm
