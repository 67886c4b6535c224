/// The report of one optimizer step for the metrics, the progress line and metrics.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/slowest_rank.h"

namespace gm {

struct StepReport {
  using Named = std::vector<std::pair<std::string, double>>;

  int64_t step = 0;          ///< Steps done since the run began, this one included.
  int64_t samples = 0;       ///< Samples seen by all ranks since the run began.
  int64_t step_samples = 0;  ///< Samples of this step, all ranks.
  double loss = 0;           ///< Mean over the step's samples, all ranks.
  Named loss_terms = {};     ///< The task's parts of the loss; may be empty.
  double learning_rate = 0;
  double gradient_norm = 0;     ///< Before clipping.
  double step_seconds = 0;      ///< Wall clock of the whole step.
  Named part_seconds = {};      ///< Of which: "data", "forward_backward", "reduction", "optimizer".
  int64_t allreduce_bytes = 0;  ///< Gradients that were summed over the ranks.
  double allreduce_seconds = 0;  ///< While they were; some of it during the backward pass.
  std::optional<SlowestRank> slowest = {};  ///< Only with several ranks.

  double samples_per_second() const {
    return step_seconds > 0 ? static_cast<double>(step_samples) / step_seconds : 0;
  }
};

}  // namespace gm
