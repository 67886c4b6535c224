#include "base/thread_count.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/cores.h"

namespace gm {
namespace {

std::string_view environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::string_view without_spaces(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A number of threads; INT_MAX if it is too large for an int.
std::optional<int> count_in(std::string_view text) {
  text = without_spaces(text);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits) return std::nullopt;
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::result_out_of_range) return INT_MAX;
  return count > 0 ? std::optional(count) : std::nullopt;
}

}  // namespace

ThreadCount choose_threads(int share, int most) {
  const std::string_view wish = environment("OMP_NUM_THREADS");
  const auto wished = count_in(wish.substr(0, wish.find(',')));
  const int limit = std::min(most, count_in(environment("OMP_THREAD_LIMIT")).value_or(most));
  const int threads = std::clamp(wished.value_or(share), 1, limit);
  if (!without_spaces(wish).empty() && !wished) {
    return {threads,
            fmt::format("OMP_NUM_THREADS is \"{}\", not a number of threads; {} are used instead",
                        wish, threads)};
  }
  if (wished.value_or(0) > threads) {
    return {
        threads,
        fmt::format("OMP_NUM_THREADS is {}; {} are used, the most that {}", wish, threads,
                    limit < most ? "OMP_THREAD_LIMIT allows" : "are useful: eight for each core")};
  }
  return {threads};
}

int most_threads() { return 8 * machine_cores(); }

}  // namespace gm
