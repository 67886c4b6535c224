#include "config/key_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"
#include "config/run_config.h"
#include "config/schema.h"
#include "config/toml.h"

namespace gm {

void declare_key_options(CLI::App& app, std::span<const KeyOption> options,
                         std::vector<std::string>& assignments) {
  RunConfig defaults;
  const std::vector<Key> keys = Schema(defaults).keys();
  for (const KeyOption& named : options) {
    const auto key = std::ranges::find(keys, named.key, &Key::name);
    if (key == keys.end()) throw Error("{}: there is no key {}", named.option, named.key);
    const auto assign = [&assignments, name = key->name()](const std::string& value) {
      assignments.push_back(name + "=" + value);
    };
    CLI::Option* const option = app.add_option_function<std::string>(
        named.option, assign, fmt::format("{} ({})", key->help(), key->name()));
    if (!key->choices().empty()) option->check(CLI::IsMember(key->choices()));
  }
}

std::vector<std::string> join_assignments(std::span<const KeyOption> options,
                                          const std::vector<std::string>& of_options,
                                          const std::vector<std::string>& others) {
  for (const KeyOption& named : options) {
    const auto sets_it = [&named](const std::string& assignment) {
      return parse_override(assignment).key == named.key;
    };
    if (std::ranges::any_of(of_options, sets_it) && std::ranges::any_of(others, sets_it)) {
      throw InputError("{} and {} set the same value: give only one of them", named.option,
                       named.key);
    }
  }
  std::vector<std::string> all = of_options;
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace gm
