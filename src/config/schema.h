/// The keys of a configuration struct: their names, values and purpose. A struct describes itself
/// to anything that can be called like a Schema:
///
///     template <class Fields>
///     void describe(Fields& field) {
///       field("shards", shards).range(0, 65536).help("Virtual shards of the dataset.");
///     }
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/enum_names.h"
#include "config/value.h"

namespace gm {

/// A field of an enumeration, read and set by the names of its values (base/enum_names.h).
struct EnumField {
  std::function<std::string()> name;
  std::function<void(const std::string& name)> set;  ///< Expects one of the names.
};

/// One key, bound to the field of a struct that it sets.
class Key {
 public:
  using Field =
      std::variant<bool*, int*, int64_t*, double*, std::string*, std::vector<int64_t>*, EnumField>;

  Key(std::string name, Field field) : name_(std::move(name)), field_(std::move(field)) {}

  /// Numbers, or each number of a list, lie between `min` and `max`, both included. (A long double
  /// holds every int64_t.)
  Key& range(long double min, long double max);
  /// The only texts that the key accepts. Those of an enumeration are its names.
  Key& one_of(std::vector<std::string> choices);
  /// The text names a file or folder; a leading `~` becomes the home folder.
  Key& path();
  /// The text may not be empty.
  Key& not_empty();
  /// One sentence, shown by --help-config and in a run's config.toml.
  Key& help(std::string sentence);

  const std::string& name() const { return name_; }  ///< "section.key"
  const std::string& help() const { return help_; }
  /// The only texts that the key accepts; empty if it accepts others.
  const std::vector<std::string>& choices() const { return choices_; }
  /// What a value must be: "an integer from 1 to 65536", "crop, pad or squash".
  std::string expectation() const;
  /// The field's value.
  Value value() const;
  /// Sets the field. Throws InputError with place, key, value and expectation, and then leaves the
  /// field unchanged.
  void set(const Assignment& assignment) const;

 private:
  std::string text_expectation() const;
  bool accept(const Value& value, const std::string& typed) const;
  bool accept_number(const Value& value, double& field) const;
  bool accept_integer(const Value& value, int64_t& field) const;
  bool accept_list(const Value& value, std::vector<int64_t>& field) const;
  bool accept_text(const Value& value, const std::string& typed, std::string& field) const;
  bool in_range(long double number) const;

  std::string name_;
  Field field_;
  std::optional<std::pair<long double, long double>> range_;
  std::vector<std::string> choices_;
  bool is_path_ = false, may_be_empty_ = true;
  std::string help_;
};

/// All keys of a struct of sections, in the order in which the struct describes them.
class Schema {
 public:
  /// `config` calls `section(name, struct)` for each of its sections. It must outlive the schema,
  /// whose keys set its fields.
  template <class Config>
  explicit Schema(Config& config) {
    config.describe(*this);
  }

  template <class Section>
  void section(const char* name, Section& section) {
    section_ = name;
    section.describe(*this);
  }

  template <class T>
  Key& operator()(const char* name, T& field) {
    std::string key = section_ + "." + name;
    if constexpr (NamedEnum<T>) {
      const EnumField by_name{
          .name = [&field] { return std::string(name_of(field)); },
          .set = [&field](const std::string& text) { field = *value_named<T>(text); }};
      return keys_.emplace_back(std::move(key), by_name).one_of(all_names<T>());
    } else {
      return keys_.emplace_back(std::move(key), &field);
    }
  }

  const std::vector<Key>& keys() const& { return keys_; }
  std::vector<Key> keys() && { return std::move(keys_); }
  /// The key of this name. Throws InputError, which begins with `where`, for a key that does not
  /// exist, with the nearest one that does.
  const Key& key(const std::string& name, const std::string& where) const;
  /// Sets the field of a key. Accepts old names of keys and values too (config/renames.h). Throws
  /// InputError as key() and Key::set() do.
  void set(const Assignment& assignment) const;

 private:
  std::string section_;
  std::vector<Key> keys_;
};

/// The candidate that `word` is probably a misspelling of, by edit distance; nullopt if none is
/// near.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

}  // namespace gm
