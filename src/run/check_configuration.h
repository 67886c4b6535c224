/// The checks of a training run that need no data.
#pragma once

#include "comm/world.h"
#include "config/run_config.h"
#include "run/run_directory.h"

namespace gm {

/// They run first, because packing the images may take hours. Called by all ranks. Throws
/// InputError when ranks have different programs or configurations, when a value is not possible
/// here, when sizes do not divide, or when the directory holds another run.
void check_configuration(World& world, const RunConfig& config, const RunDirectory& directory);

}  // namespace gm
