/// What the images and the figures of a run's model depend on.
#pragma once

#include <string>

#include "config/run_config.h"
#include "eval/evaluation.h"
#include "run/load_run.h"
#include "tasks/task.h"
#include "telemetry/evaluation_report.h"

namespace gm {

/// The keys of a section with their values: {"sampler.kind", "ddim"}, ...
Provenance keys_of(RunConfig config, const std::string& section);

/// The model of `task`, which is made from `config`; its weights are not known yet.
Method method_of(Task& task, const RunConfig& config);
/// The model of a trained run.
Method method_of(const LoadedRun& run);

}  // namespace gm
