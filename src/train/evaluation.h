/// An evaluation that runs during training.
#pragma once

#include <functional>
#include <string>

#include "telemetry/evaluation_report.h"

namespace gm {

struct Evaluation {
  std::string name;  ///< Unique in a run: "inpainting".
  /// Evaluates the current weights of the networks; the report has the same name. Called by all
  /// ranks together, which get the same result. Throws StopRequested when a rank got a signal.
  std::function<EvaluationReport()> run;
};

}  // namespace gm
