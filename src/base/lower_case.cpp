#include "base/lower_case.h"

#include <algorithm>
#include <cctype>

namespace gm {

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string extension_of(const std::filesystem::path& path) {
  return in_lower_case(path.extension().string());
}

}  // namespace gm
