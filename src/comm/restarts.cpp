#include "comm/restarts.h"

#include <charconv>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "comm/on_rank_zero.h"

namespace gm {
namespace {

int parse_restarts(const std::string& text) {
  int restarts = 0;
  const char* end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, restarts);
  if (error != std::errc() || end != end_of_text || restarts < 0) {
    throw InputError(
        "GM_RESTARTS=\"{}\": give the number of restarts so far, 0 or more, or unset it", text);
  }
  return restarts;
}

}  // namespace

std::optional<int> restarts_so_far(Communicator& ranks) {
  const std::string none = "none";
  const std::string text = text_from_rank_zero(ranks, [&] {
    const char* value = std::getenv("GM_RESTARTS");
    return value == nullptr ? none : std::to_string(parse_restarts(value));
  });
  return text == none ? std::nullopt : std::optional(parse_restarts(text));
}

}  // namespace gm
