/// The time of day, as metrics and logs state it.
#pragma once

#include <chrono>

namespace gm {

/// Seconds since 1970 began, UTC.
inline double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace gm
