/// The files with the results of the oracles.
#pragma once

#include <filesystem>

namespace gm::parity {

inline std::filesystem::path answer(const std::filesystem::path& name) {
  return std::filesystem::path(GM_TEST_DATA) / "answers" / name;
}

}  // namespace gm::parity
