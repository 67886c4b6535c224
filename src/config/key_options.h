/// Options of a command line that are short names of configuration keys: `--steps 10` for
/// `sampler.steps=10`.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gm {

struct KeyOption {
  const char* option;  ///< "--steps"
  const char* key;     ///< "sampler.steps"; its help and choices become those of the option.
};

/// Adds the options to `app`. Those that are given are appended to `assignments` as
/// "section.key=value". `assignments` outlives the parsing.
void declare_key_options(CLI::App& app, std::span<const KeyOption> options,
                         std::vector<std::string>& assignments);

/// The assignments of key options, then the others ("section.key=value"). Throws InputError if a
/// key is in both.
std::vector<std::string> join_assignments(std::span<const KeyOption> options,
                                          const std::vector<std::string>& of_options,
                                          const std::vector<std::string>& others);

}  // namespace gm
