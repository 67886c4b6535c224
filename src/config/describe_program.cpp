#include "config/describe_program.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "config/run_config.h"
#include "config/schema.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;

/// The spellings of an option, with their dashes; the name of a positional argument.
Json names_of(const CLI::Option& option) {
  if (option.get_positional()) return {option.get_name(true)};
  Json names = Json::array();
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

Json describe_option(const CLI::Option& option) {
  return {{"names", names_of(option)},
          {"positional", option.get_positional()},
          {"required", option.get_required()},
          {"takes_value", option.get_items_expected_max() > 0},
          {"repeats", option.get_items_expected_max() > 1},
          {"type", option.get_type_name()},
          {"default", option.get_default_str()},
          {"help", option.get_description()}};
}

Json describe_app(const CLI::App& app) {
  Json options = Json::array();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) options.push_back(describe_option(*option));
  }
  Json commands = Json::array();
  for (const CLI::App* command : app.get_subcommands(/*filter=*/nullptr)) {
    commands.push_back(describe_app(*command));
  }
  return {{"name", app.get_name()},
          {"help", app.get_description()},
          {"footer", app.get_footer()},
          {"options", options},
          {"commands", commands}};
}

Json describe_keys() {
  RunConfig defaults;
  Json keys = Json::array();
  for (const Key& key : Schema(defaults).keys()) {
    keys.push_back({{"name", key.name()},
                    {"default", to_text(key.value())},
                    {"choices", key.choices()},
                    {"expectation", key.expectation()},
                    {"help", key.help()}});
  }
  return keys;
}

}  // namespace

std::string describe_program(const CLI::App& app) {
  Json description = describe_app(app);
  description["keys"] = describe_keys();
  return description.dump(2);
}

}  // namespace gm
