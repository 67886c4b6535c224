#include "config/option_values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "base/home.h"

namespace gm {
namespace {

/// Parses the whole text as a number; nullopt if it is not one or does not fit.
template <typename Number>
std::optional<Number> parse_number(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end ? std::optional(number) : std::nullopt;
}

}  // namespace

CLI::Validator whole_number(uint64_t min, uint64_t max) {
  const auto check = [=](std::string& text) -> std::string {
    const auto value = parse_number<uint64_t>(text);
    if (!value || *value < min || *value > max)
      return fmt::format("\"{}\": expected an integer from {} to {}, in decimal digits", text, min,
                         max);
    text = fmt::format("{}", *value);  // CLI11 would read leading zeros as octal
    return "";
  };
  return {check, fmt::format("{} to {}", min, max)};
}

CLI::Validator a_step() {
  const auto check = [](std::string& text) -> std::string {
    if (text == kBestStep) return "";
    const std::string problem = whole_number(0, INT64_MAX)(text);
    return problem.empty() ? "" : fmt::format("{}, or {}", problem, kBestStep);
  };
  return {check, fmt::format("a step, or {}", kBestStep)};
}

CLI::Validator number(double min, double max) {
  const auto check = [=](std::string& text) -> std::string {
    const auto value = parse_number<double>(text);
    if (value && std::isfinite(*value) && *value >= min && *value <= max) return "";
    return fmt::format("\"{}\": expected a number from {} to {}", text, min, max);
  };
  return {check, fmt::format("{} to {}", min, max)};
}

CLI::Validator a_path() {
  const auto check = [](std::string& text) -> std::string {
    const auto path = expand_home(text);
    if (!path) {
      return fmt::format(
          "{}: only ~ and ~/ are supported, for your own home folder; write the full path, or "
          "./{} for a file of that name",
          text, text);
    }
    if (path->empty()) return "expected a file or folder, but its name is empty";
    text = *path;
    return "";
  };
  return {check, ""};
}

}  // namespace gm
