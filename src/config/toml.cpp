#include "config/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace {

constexpr size_t kFileLimitBytes = 1 << 20;
constexpr const char* kCommandLine = "command line";

std::string place(const std::string& name, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", name, region.begin.line, region.begin.column);
}

/// A TOML value without the library's types; nullopt for dates, times and tables, which no key
/// takes.
std::optional<Value> value_of(const toml::node& node) {
  if (const auto* array = node.as_array()) {
    ValueArray values;
    for (const auto& element : *array) {
      auto value = value_of(element);
      if (!value) return std::nullopt;
      values.push_back(*std::move(value));
    }
    return Value{std::move(values)};
  }
  if (const auto* value = node.as_boolean()) return Value{value->get()};
  if (const auto* value = node.as_integer()) return Value{value->get()};
  if (const auto* value = node.as_floating_point()) return Value{value->get()};
  if (const auto* value = node.as_string()) return Value{value->get()};
  return std::nullopt;
}

void collect(const toml::table& table, const std::string& prefix, const std::string& file,
             std::vector<Assignment>& assignments) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* section = node.as_table()) {
      collect(*section, key + ".", file, assignments);
      continue;
    }
    const std::string where = place(file, name.source());
    const auto value = value_of(node);
    if (!value) throw InputError("{}: {}: no key takes a table, a date or a time", where, key);
    assignments.push_back({key, *value, where});
  }
}

/// Parses text of limited depth. Every dot of a key nests one table deeper. The library limits only
/// the depth of brackets, and frees tables recursively.
toml::table toml_table(std::string_view text, const std::string& name) {
  constexpr auto kMaxDots = 4000;
  if (std::ranges::count(text, '.') > kMaxDots)
    throw InputError("{}: more than {} dots; no configuration needs that many", name, kMaxDots);
  return toml::parse(text);
}

/// The text as a TOML value; nullopt if it is not exactly one value.
std::optional<Value> parse_value(std::string_view text) {
  try {
    const toml::table table = toml_table(fmt::format("value = {}", text), kCommandLine);
    if (table.size() != 1) return std::nullopt;
    return value_of(table.begin()->second);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<Assignment> parse_toml(std::string_view text, const std::string& name) {
  std::vector<Assignment> assignments;
  try {
    collect(toml_table(text, name), "", name, assignments);
  } catch (const toml::parse_error& error) {
    throw InputError("{}: not TOML: {}", place(name, error.source()), error.description());
  }
  return assignments;
}

std::vector<Assignment> read_toml(const std::filesystem::path& file) {
  return parse_toml(read_file(file, kFileLimitBytes), file.string());
}

bool is_assignment(std::string_view argument) {
  const size_t equals = argument.find('=');
  std::error_code nothing_there;
  return equals != std::string_view::npos && argument.find('/') > equals &&
         !std::filesystem::exists(argument, nothing_there);
}

Assignment parse_override(std::string_view argument) {
  const size_t equals = argument.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    throw InputError("{}: \"{}\" is neither a file nor section.key=value", kCommandLine, argument);
  }
  const std::string typed(argument.substr(equals + 1));
  if (typed.empty()) {
    throw InputError(
        "{}: {} has no value; perhaps a shell variable is not set. For an empty text, write "
        "{}'\"\"'",
        kCommandLine, argument, argument);
  }
  if (!parse_value(to_text(Value{typed}))) {
    throw InputError("{}: {}: the value is not UTF-8, so no configuration file can hold it",
                     kCommandLine, argument.substr(0, equals));
  }
  auto value = parse_value(typed);
  return {std::string(argument.substr(0, equals)), value ? *value : Value{typed}, kCommandLine,
          typed};
}

}  // namespace gm
