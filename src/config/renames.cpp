#include "config/renames.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/log.h"

namespace gm {
namespace {

struct Renamed {
  std::string_view before, now;
};

/// A renamed value of a key whose values are text.
struct RenamedValue {
  std::string_view key, before, now;  // `key` is the current name
};

constexpr std::array kRenamedKeys{
    Renamed{"gan.discriminator_rate", "gan.discriminator_lr_scale"},
};

constexpr std::array kRenamedValues{
    RenamedValue{"gan.loss", "reference", "minimax"},
};

constexpr std::array kRenamedOptions{
    Renamed{"--pictures", "--images"},  // gm_sample
    Renamed{"--picture", "--image"},    // gm_eval
};

void warn_once(std::string_view where, std::string_view before, std::string_view now) {
  static std::set<std::string, std::less<>> warned;
  if (!warned.emplace(before).second) return;
  log_shared_warning("{}: {} is an old name of {}; it is still read", where, before, now);
}

}  // namespace

Assignment with_current_names(Assignment assignment) {
  for (const Renamed& key : kRenamedKeys) {
    if (assignment.key != key.before) continue;
    warn_once(assignment.where, key.before, key.now);
    assignment.key = key.now;
  }
  for (const RenamedValue& value : kRenamedValues) {
    const auto* text = std::get_if<std::string>(&assignment.value.content);
    if (assignment.key != value.key || text == nullptr || *text != value.before) continue;
    warn_once(assignment.where, fmt::format("{} = \"{}\"", value.key, value.before),
              fmt::format("\"{}\"", value.now));
    assignment.value.content = std::string(value.now);
    if (!assignment.typed.empty()) assignment.typed = value.now;
  }
  return assignment;
}

std::string with_current_name(std::string argument) {
  const std::string_view name = std::string_view(argument).substr(0, argument.find('='));
  const auto* const renamed = std::ranges::find(kRenamedOptions, name, &Renamed::before);
  if (renamed == kRenamedOptions.end()) return argument;
  warn_once("command line", renamed->before, renamed->now);
  return std::string(renamed->now) + argument.substr(name.size());
}

std::string_view original_name(std::string_view key) {
  const auto renamed = std::ranges::find(kRenamedKeys, key, &Renamed::now);
  return renamed == kRenamedKeys.end() ? key : renamed->before;
}

std::string original_value(std::string_view key, std::string_view value) {
  for (const RenamedValue& renamed : kRenamedValues) {
    if (renamed.key == key && value == fmt::format("\"{}\"", renamed.now)) {
      return fmt::format("\"{}\"", renamed.before);
    }
  }
  return std::string(value);
}

}  // namespace gm
