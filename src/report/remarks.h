/// What a reader of a report should notice about a run: one function for each condition.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/run_record.h"

namespace gm {

struct Remark {
  enum class Kind {
    kProblem,  ///< The run lost something, or its result is in question.
    kAdvice,   ///< The run could be faster or better.
    kFact,     ///< Good to know.
  };

  Kind kind = Kind::kFact;
  std::string text;  ///< Sentences: what happened, with number and step, and what to do.
};

/// All remarks about a run; problems come first.
std::vector<Remark> remarks_on(const RunRecord& run);

// Each returns nothing if its condition does not hold.

/// The loss on held-out images has risen (run/overfitting_monitor.h).
std::optional<Remark> overfitting(const RunRecord& run);
/// Warnings that the run wrote, such as those of a GAN.
std::optional<Remark> warnings(const RunRecord& run);
/// Steps that changed no weights, because a loss or gradient was not finite.
std::optional<Remark> skipped_steps(const RunRecord& run);
/// Checkpoints that could not be saved.
std::optional<Remark> failed_checkpoints(const RunRecord& run);
/// Grids of samples that could not be written.
std::optional<Remark> failed_samples(const RunRecord& run);
/// Lines that the run could not write.
std::optional<Remark> lost_lines(const RunRecord& run);
/// Damaged lines in metrics.jsonl.
std::optional<Remark> unreadable_lines(const RunRecord& run);
/// A launcher started the run again after a failure.
std::optional<Remark> restarts(const RunRecord& run);
/// A rank that is slower than the others in most of the recent steps.
std::optional<Remark> straggler(const RunRecord& run);
/// The recent steps waited for data.
std::optional<Remark> starved_of_data(const RunRecord& run);
/// Gradients were clipped in almost all recent steps.
std::optional<Remark> always_clipped(const RunRecord& run);
/// The loss was still falling when the run ended.
std::optional<Remark> still_falling(const RunRecord& run);
/// The loss has not changed for the last two fifths of the run.
std::optional<Remark> flat(const RunRecord& run);

}  // namespace gm
