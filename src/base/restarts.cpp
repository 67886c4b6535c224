#include "base/restarts.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace gm {

std::optional<int> restarts_so_far() {
  const char* value = std::getenv("GM_RESTARTS");
  if (value == nullptr) return std::nullopt;
  const std::string_view text = value;
  int restarts = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), restarts);
  if (error != std::errc() || end != text.data() + text.size() || restarts < 0) {
    throw InputError(
        "GM_RESTARTS=\"{}\": give the number of restarts so far, 0 or more, or unset it", text);
  }
  return restarts;
}

}  // namespace gm
