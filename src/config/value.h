/// Configuration values as the files and the command line give them, before a key has taken them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gm {

struct Value;
using ValueArray = std::vector<Value>;

/// What TOML can say and a key can take.
struct Value {
  std::variant<bool, int64_t, double, std::string, ValueArray> content;
};

/// `key` is to become `value`, said at `where` ("gm.toml:3:9", "command line").
struct Assignment {
  std::string key;  ///< "section.name"
  Value value;
  std::string where;
  /// The value as it was typed: what a key that takes text gets, so that `run.dir=2024` is a name.
  /// Empty for a file, in which text stands in quotes.
  std::string typed = {};
};

/// The value as TOML, which reads back to the same value.
std::string to_text(const Value& value);

}  // namespace gm
