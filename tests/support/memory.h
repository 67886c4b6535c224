/// Memory use of this process.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace gm {

/// Current resident memory in bytes.
inline int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmRSS:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace gm
