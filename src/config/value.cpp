#include "config/value.h"

#include <fmt/format.h>

#include <string_view>

namespace gm {
namespace {

/// A basic string of TOML: control characters, quotes and backslashes escaped.
std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (code < 0x20 || code == 0x7f) {
      result += fmt::format("\\u{:04x}", code);
    } else {
      result += c;
    }
  }
  return result + '"';
}

struct ToText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return toml_string(value); }
  /// The shortest digits that read back to the same number, with a point so that it stays a float.
  std::string operator()(double value) const {
    std::string digits = fmt::format("{}", value);
    if (digits.find_first_not_of("-0123456789") == std::string::npos) digits += ".0";
    return digits;
  }
  std::string operator()(const ValueArray& values) const {
    std::string result = "[";
    for (const Value& value : values) {
      if (result.size() > 1) result += ", ";
      result += to_text(value);
    }
    return result + "]";
  }
};

}  // namespace

std::string to_text(const Value& value) { return std::visit(ToText{}, value.content); }

}  // namespace gm
