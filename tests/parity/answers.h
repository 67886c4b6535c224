/// Where the oracles' answers lie: those that are committed, or fresh ones in GM_PARITY_ANSWERS.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace gm::parity {

inline std::filesystem::path answer(const std::filesystem::path& name) {
  if (const char* fresh = std::getenv("GM_PARITY_ANSWERS")) return fresh / name;
  return std::filesystem::path(GM_TEST_DATA) / "answers" / name;
}

}  // namespace gm::parity
