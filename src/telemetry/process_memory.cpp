#include "telemetry/process_memory.h"

#include <fstream>
#include <string>

namespace gm {

ProcessMemory process_memory() {
  constexpr int64_t kKibibyte = 1024;
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:" && status >> memory.peak_bytes) memory.peak_bytes *= kKibibyte;
    if (word == "VmRSS:" && status >> memory.resident_bytes) memory.resident_bytes *= kKibibyte;
  }
  return memory;
}

}  // namespace gm
