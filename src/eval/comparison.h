/// Evaluations of several methods on the same data: as a table and as JSON.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "eval/evaluation.h"

namespace gm {

/// A method by its name, and what an evaluation found.
struct MethodReport {
  std::string method;
  EvaluationReport report;
};

/// The reports of one evaluation, one for each method; at least one.
using Comparison = std::vector<MethodReport>;

/// Runs an evaluation on each of `methods`, with a progress bar and a message for each on rank 0.
/// Calls `begin_batch` before each batch. Called by all ranks. Throws as Evaluation::run().
Comparison compare(Evaluation& evaluation, const std::vector<Method>& methods,
                   const std::function<void()>& begin_batch, Communicator& communicator);

/// For each evaluation, what its figures depend on, also of each method, and a table with one row
/// per method and its figures, with their spread if there are several seeds; then, if a method has
/// a breakdown, a table of the breakdown's figure. A cell is empty if its method does not have this
/// bin.
std::string comparison_table(const std::vector<Comparison>& comparisons);

/// {"evaluations": [{"evaluation", "samples", ...}],
/// "methods": [{"name", "step", "weights", "weights_hash", "sampler.kind", ..., "psnr_masked", ...,
/// "by_area": [{"from", "to", "images", ...}], "by_timestep": [{"from", ...}],
/// "by_class": [{"label", "images", ...}],
/// "seeds": [{"seed", ...}], "spread": {"fd_lite0": {"deviation", "smallest", "largest"}}}]}: what
/// the figures of each evaluation and of each method depend on, and the figures of all evaluations,
/// whose names are unique.
std::string comparison_json(const std::vector<Comparison>& comparisons);

}  // namespace gm
