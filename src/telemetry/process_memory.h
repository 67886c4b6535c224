/// The memory that this process uses.
#pragma once

#include <cstdint>

namespace gm {

struct ProcessMemory {
  int64_t resident_bytes = 0;
  int64_t peak_bytes = 0;  ///< The most that has been resident.
};

ProcessMemory process_memory();

}  // namespace gm
