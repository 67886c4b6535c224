/// The world that the tests of this program run in.
#pragma once

#include "comm/world.h"

namespace gm {

World& test_world();

}  // namespace gm
