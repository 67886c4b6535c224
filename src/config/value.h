/// Configuration values from files and the command line, before a key accepts them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gm {

struct Value;
using ValueArray = std::vector<Value>;

/// A TOML value of a type that a key can have.
struct Value {
  std::variant<bool, int64_t, double, std::string, ValueArray> content;
};

/// Sets `key` to `value`. `where` is the place of the assignment ("gm.toml:3:9", "command line").
struct Assignment {
  std::string key;  ///< "section.name"
  Value value;
  std::string where;
  /// The value as it was typed, for keys whose values are text, so that `run.dir=2024` is a name.
  /// Empty for a file, where text is in quotes.
  std::string typed = {};
};

/// The value as TOML, which reads back to the same value.
std::string to_text(const Value& value);

}  // namespace gm
