/// The vectors of base/cpu/simd.h for operators.
#pragma once

#include "base/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET {

using namespace gm::GM_KERNEL_SET;

}  // namespace gm::ops::GM_KERNEL_SET
