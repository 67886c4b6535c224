/// Shared code of the fuzz targets: reading an input, writing files, checking the outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"

/// Entry point of a target, for libFuzzer and for driver.cpp.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gm {

/// Runs `act`, which may succeed or refuse its input with an Error. Any other exception ends the
/// program, which reports a bug.
template <class Act>
void may_refuse(Act act) {
  try {
    act();
  } catch (const Error&) {
  }
}

/// Ends the program unless `holds`. It must hold for every input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads an input from its front.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::string_view rest() const { return rest_; }
  /// The next byte; 0 past the end.
  uint8_t byte() {
    const auto taken = take(1);
    return taken.empty() ? uint8_t{0} : static_cast<uint8_t>(taken[0]);
  }
  /// The next `size` bytes, or what is left of them.
  std::string_view take(size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// The bytes before the next zero byte, or all that are left. Also consumes the zero byte.
  std::string_view text() {
    const auto taken = take(rest_.find('\0'));
    take(1);
    return taken;
  }

 private:
  std::string_view rest_;
};

/// Writes `content` to a file. Returns its path.
inline std::filesystem::path write_whole(const std::filesystem::path& path,
                                         std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace gm
