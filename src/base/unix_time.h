/// The current time for metrics and logs.
#pragma once

#include <chrono>

namespace gm {

/// Seconds since 1970-01-01 00:00 UTC.
inline double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace gm
