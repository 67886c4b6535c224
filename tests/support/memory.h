/// How much memory this process holds.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace gm {

/// Resident memory in bytes, now.
inline int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmRSS:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace gm
