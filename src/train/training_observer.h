/// What the trainer tells others about a run: its steps, samples, checkpoints and evaluations.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/background_writer.h"
#include "telemetry/evaluation_report.h"
#include "telemetry/step_report.h"
#include "train/artefact.h"

namespace gm {

/// Called on every rank, on the training thread, unless a function says otherwise. It must not
/// communicate with other ranks.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  virtual void step(const StepReport& report) = 0;
  /// A step where the loss or gradient of `phases` was not finite and their weights did not change.
  virtual void skipped_step(const StepReport& report, const std::vector<std::string>& phases,
                            int64_t in_a_row) = 0;
  /// A warning of the task about the training.
  virtual void warning(const RunState& state, const std::string& reason) = 0;
  /// Samples that were made in `seconds` seconds. Writes their file. Rank 0 only.
  virtual void samples(const RunState& state, const Artefact& samples, double seconds) = 0;
  virtual void evaluation(const RunState& state, const EvaluationReport& report,
                          double seconds) = 0;
  /// A checkpoint that was saved, or could not be saved. Rank 0 only.
  virtual void checkpoint(const SaveOutcome& outcome) = 0;

  /// Whether there is an output of this kind ("sample", "evaluation inpainting") for the step that
  /// the run resumes from. Rank 0 only.
  virtual bool has_first(const std::string& kind) const = 0;
  /// Returns when all reports so far are on the disk. Called before a checkpoint, which must not be
  /// newer than them.
  virtual void sync() = 0;
};

}  // namespace gm
