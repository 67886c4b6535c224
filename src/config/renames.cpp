#include "config/renames.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/log.h"

namespace gm {
namespace {

struct RenamedKey {
  std::string_view before, now;
};

/// Values are texts.
struct RenamedValue {
  std::string_view key, before, now;  // the key as of today
};

constexpr std::array kRenamedKeys{
    RenamedKey{"gan.discriminator_rate", "gan.discriminator_lr_scale"},
};

constexpr std::array kRenamedValues{
    RenamedValue{"gan.loss", "reference", "minimax"},
};

void warn_once(const Assignment& assignment, std::string_view before, std::string_view now) {
  static std::set<std::string, std::less<>> warned;
  if (!warned.emplace(before).second) return;
  log_shared_warning("{}: {} is an old name of {}; it is still read", assignment.where, before,
                     now);
}

}  // namespace

Assignment with_current_names(Assignment assignment) {
  for (const RenamedKey& key : kRenamedKeys) {
    if (assignment.key != key.before) continue;
    warn_once(assignment, key.before, key.now);
    assignment.key = key.now;
  }
  for (const RenamedValue& value : kRenamedValues) {
    const auto* text = std::get_if<std::string>(&assignment.value.content);
    if (assignment.key != value.key || text == nullptr || *text != value.before) continue;
    warn_once(assignment, fmt::format("{} = \"{}\"", value.key, value.before),
              fmt::format("\"{}\"", value.now));
    assignment.value.content = std::string(value.now);
    if (!assignment.typed.empty()) assignment.typed = value.now;
  }
  return assignment;
}

std::string_view first_name(std::string_view key) {
  const auto renamed = std::ranges::find(kRenamedKeys, key, &RenamedKey::now);
  return renamed == kRenamedKeys.end() ? key : renamed->before;
}

std::string first_value(std::string_view key, std::string_view value) {
  for (const RenamedValue& renamed : kRenamedValues) {
    if (renamed.key == key && value == fmt::format("\"{}\"", renamed.now)) {
      return fmt::format("\"{}\"", renamed.before);
    }
  }
  return std::string(value);
}

}  // namespace gm
