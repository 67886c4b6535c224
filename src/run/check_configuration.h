/// The checks of a training run that need no data.
#pragma once

#include "comm/world.h"
#include "config/run_config.h"
#include "run/evaluation_table.h"
#include "run/run_directory.h"

namespace gm {

/// The configuration of a run, with the shards of the run that it resumes, after all checks that
/// need no data. They run first, because packing the images may take hours. Called by all ranks.
/// Throws InputError when ranks have different configurations, when a value is not
/// possible here, when sizes do not divide, or when the directory holds another run.
/// Sets the device of the world to run.device.
RunConfig checked_configuration(World& world, RunConfig config, const RunDirectory& directory);

/// Throws InputError unless the task of `config` can do what evaluate.every and --visualize ask
/// for, and the files of the evaluations, such as `extractor`, can be used. Needs no data either.
/// Called by all ranks.
void check_abilities(const RunConfig& config, bool visualize, const ExtractorSource& extractor,
                     Communicator& ranks);

}  // namespace gm
