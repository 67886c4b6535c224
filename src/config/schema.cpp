#include "config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/home.h"
#include "config/renames.h"

namespace gm {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang before 17 needs this

/// A bound as a person writes it: 65536, 0.5, 1e-16.
std::string bound_text(long double bound) {
  constexpr long double kExactIntegers = std::numeric_limits<int64_t>::max();
  if (std::abs(bound) <= kExactIntegers && bound == std::trunc(bound)) {
    return fmt::format("{}", static_cast<int64_t>(bound));
  }
  return fmt::format("{}", static_cast<double>(bound));
}

/// "a", "a or b", "a, b or c".
std::string alternatives(const std::vector<std::string>& words) {
  std::string text = words.front();
  for (size_t i = 1; i < words.size(); ++i) {
    text += (i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return text;
}

/// The number of insertions, deletions, replacements and swaps of neighbours that turn one word
/// into the other (optimal string alignment distance).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> distance(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) distance[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) distance[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1,
                                 distance[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    }
  }
  return distance[a.size()][b.size()];
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

Key& Key::range(long double min, long double max) {
  range_ = {min, max};
  return *this;
}

Key& Key::one_of(std::vector<std::string> choices) {
  choices_ = std::move(choices);
  return *this;
}

Key& Key::path() {
  is_path_ = true;
  return *this;
}

Key& Key::not_empty() {
  may_be_empty_ = false;
  return *this;
}

Key& Key::help(std::string sentence) {
  help_ = std::move(sentence);
  return *this;
}

std::string Key::text_expectation() const {
  std::string text = is_path_ ? "a path, in which ~/ is your home folder" : "text";
  return may_be_empty_ ? text : text + ", not empty";
}

std::string Key::expectation() const {
  if (!choices_.empty()) return alternatives(choices_);
  const std::string bounds =
      range_ ? fmt::format(" from {} to {}", bound_text(range_->first), bound_text(range_->second))
             : "";
  return std::visit(
      Overloaded{[](const bool*) -> std::string { return "true or false"; },
                 [&](const std::string*) { return text_expectation(); },
                 [&](const EnumField&) { return alternatives(choices_); },
                 [&](const double*) { return "a number" + bounds; },
                 [&](const std::vector<int64_t>*) { return "a list of integers" + bounds; },
                 [&](const auto*) { return "an integer" + bounds; }},
      field_);
}

Value Key::value() const {
  return std::visit(Overloaded{[](const int* field) { return Value{int64_t{*field}}; },
                               [](const EnumField& field) { return Value{field.name()}; },
                               [](const std::vector<int64_t>* field) {
                                 ValueArray values(field->size());
                                 for (size_t i = 0; i < values.size(); ++i)
                                   values[i].content = (*field)[i];
                                 return Value{std::move(values)};
                               },
                               [](const auto* field) { return Value{*field}; }},
                    field_);
}

bool Key::in_range(long double number) const {
  return !range_ || (number >= range_->first && number <= range_->second);
}

bool Key::accept_number(const Value& value, double& field) const {
  double number = 0;
  if (const auto* real = std::get_if<double>(&value.content)) {
    number = *real;
  } else if (const auto* integer = std::get_if<int64_t>(&value.content)) {
    number = static_cast<double>(*integer);
  } else {
    return false;
  }
  if (!std::isfinite(number) || !in_range(number)) return false;
  field = number;
  return true;
}

bool Key::accept_integer(const Value& value, int64_t& field) const {
  int64_t number = 0;
  if (const auto* integer = std::get_if<int64_t>(&value.content)) {
    number = *integer;
  } else if (const auto* real = std::get_if<double>(&value.content)) {
    // 1e6 is a handy way to write an integer; 1.5 is a mistake.
    constexpr double kExactIntegers = 0x1p53;  // above, doubles skip integers
    if (!(std::abs(*real) < kExactIntegers) || *real != std::trunc(*real)) return false;
    number = static_cast<int64_t>(*real);
  } else {
    return false;
  }
  if (!in_range(static_cast<long double>(number))) return false;
  field = number;
  return true;
}

bool Key::accept_list(const Value& value, std::vector<int64_t>& field) const {
  const auto* values = std::get_if<ValueArray>(&value.content);
  if (values == nullptr || values->empty()) return false;
  std::vector<int64_t> numbers(values->size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!accept_integer((*values)[i], numbers[i])) return false;
  }
  field = std::move(numbers);
  return true;
}

bool Key::accept_text(const Value& value, const std::string& typed, std::string& field) const {
  const auto* quoted = std::get_if<std::string>(&value.content);
  if (quoted == nullptr && typed.empty()) return false;
  const std::string& text = quoted != nullptr ? *quoted : typed;
  if (!choices_.empty() && std::ranges::find(choices_, text) == choices_.end()) return false;
  if (text.empty() && !may_be_empty_) return false;
  const auto taken = is_path_ ? expand_home(text) : text;
  if (taken) field = *taken;
  return taken.has_value();
}

bool Key::accept(const Value& value, const std::string& typed) const {
  return std::visit(
      Overloaded{[&](bool* field) {
                   const auto* truth = std::get_if<bool>(&value.content);
                   if (truth != nullptr) *field = *truth;
                   return truth != nullptr;
                 },
                 [&](int* field) {
                   int64_t number = 0;
                   const bool fits = accept_integer(value, number) && std::in_range<int>(number);
                   if (fits) *field = static_cast<int>(number);
                   return fits;
                 },
                 [&](int64_t* field) { return accept_integer(value, *field); },
                 [&](double* field) { return accept_number(value, *field); },
                 [&](std::string* field) { return accept_text(value, typed, *field); },
                 [&](const EnumField& field) {
                   std::string name;
                   const bool is_name = accept_text(value, typed, name);
                   if (is_name) field.set(name);
                   return is_name;
                 },
                 [&](std::vector<int64_t>* field) { return accept_list(value, *field); }},
      field_);
}

void Key::set(const Assignment& assignment) const {
  if (accept(assignment.value, assignment.typed)) return;
  throw InputError("{}: {} = {}: expected {}", assignment.where, name_, to_text(assignment.value),
                   expectation());
}

void Schema::set(const Assignment& given) const {
  const Assignment assignment = with_current_names(given);
  key(assignment.key, assignment.where).set(assignment);
}

const Key& Schema::key(const std::string& name, const std::string& where) const {
  std::vector<std::string> names;
  for (const Key& candidate : keys_) {
    if (candidate.name() == name) return candidate;
    names.push_back(candidate.name());
  }
  const auto meant = nearest(name, names);
  throw InputError("{}: there is no key {}{}; gm_train --help-config lists all keys", where, name,
                   meant ? fmt::format(" (did you mean {}?)", *meant) : "");
}

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 100;  // no key is this long, and the table would grow
  if (word.size() > kLongestWord) return std::nullopt;
  const std::string last = last_part(std::string(word));
  std::optional<std::string> best;
  // The second distance decides between candidates that are equally near.
  std::pair<size_t, size_t> best_distance{std::max<size_t>(2, word.size() / 3) + 1, 0};
  for (const std::string& candidate : candidates) {
    const size_t whole = edit_distance(word, candidate);
    // A key in the wrong section, without a section, or without its end counts as one edit.
    const size_t near = last.size() > 2 && candidate.starts_with(word)
                            ? 1
                            : std::min(whole, edit_distance(last, last_part(candidate)) + 1);
    if (std::pair(near, whole) >= best_distance) continue;
    best = candidate;
    best_distance = {near, whole};
  }
  return best;
}

}  // namespace gm
