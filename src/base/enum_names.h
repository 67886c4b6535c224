/// Enumerations whose values have names, in configurations, on command lines and in messages.
///
/// A function next to the enumeration binds each value to its name, the only place that does. The
/// functions below find it by argument-dependent lookup, so a `*_config.h` needs no include for it:
///
///     enum class SampleWeights { kEma, kModel };
///     constexpr auto names_of(SampleWeights) {
///       using enum SampleWeights;
///       return std::to_array<std::pair<SampleWeights, const char*>>(
///           {{kEma, "ema"}, {kModel, "model"}});
///     }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gm {

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
  names_of(value);
};

/// The name of a value: "ema".
template <NamedEnum E>
constexpr const char* name_of(E value) {
  for (const auto& [candidate, name] : names_of(value)) {
    if (candidate == value) return name;
  }
  return "";
}

/// The value with this name; nullopt if there is none.
template <NamedEnum E>
constexpr std::optional<E> value_named(std::string_view name) {
  for (const auto& [value, candidate] : names_of(E{})) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

/// The names of all values, in the order in which they are shown.
template <NamedEnum E>
std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const auto& [value, name] : names_of(E{})) names.emplace_back(name);
  return names;
}

}  // namespace gm
