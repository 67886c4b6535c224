/// What the fuzz targets share: bytes of an input, files made of them, and what may come of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"

/// Entry point of a target, for libFuzzer and for driver.cpp alike.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gm {

/// Runs `act`, which may succeed or refuse its input with an Error. Anything else, such as an
/// exception of another kind, ends the program: that is a finding.
template <class Act>
void may_refuse(Act act) {
  try {
    act();
  } catch (const Error&) {
  }
}

/// Ends the program unless `holds`, which is true of every input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// The bytes of an input, taken from the front.
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
  /// What lies before the next zero byte, which is taken as well.
  std::string_view text() {
    const auto taken = take(rest_.find('\0'));
    take(1);
    return taken;
  }

 private:
  std::string_view rest_;
};

/// Writes a file of `content`; its path.
inline std::filesystem::path write_whole(const std::filesystem::path& path,
                                         std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace gm
