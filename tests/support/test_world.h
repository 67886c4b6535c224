/// The world that the tests of this program run in.
#pragma once

#include "comm/watchdog.h"
#include "comm/world.h"

namespace gm {

World& test_world();
/// The only watchdog of test_world().
Watchdog& test_watchdog();

}  // namespace gm
