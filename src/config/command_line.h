/// The command lines of the programs that take a configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace CLI {
class App;
}

namespace gm {

/// The parsed command line of gm_train.
struct TrainCommand {
  /// Text to print on stdout instead of training (--help, --version, --help-config, --print).
  std::optional<std::string> answer;
  RunConfig config;
  /// Where the configuration came from; empty for the defaults.
  std::filesystem::path file;
  /// Also draw the forward and the reverse process (--visualize).
  bool visualize = false;
};

/// `gm_train [FILE|RUN] [section.key=value ...] [--option value ...]`.
///
/// FILE is a TOML file, RUN the directory of a run (also as `--resume RUN`). Without either,
/// gm.toml of the working directory is read if there is one. The options are other names of keys,
/// with `_` or `-`, and have the names of the program that gm follows. Overrides take precedence
/// over options, options over the file. Throws InputError.
TrainCommand parse_train_command(int argc, const char* const* argv);

/// Parses the command line of a program with `app`. If --help, --version or --describe
/// (config/describe_program.h) was given, returns the text to print instead of running the program.
/// Throws InputError.
std::optional<std::string> answer_or_parse(CLI::App& app, int argc, const char* const* argv);

/// The positional arguments of a program, separated by is_assignment().
struct Positionals {
  std::vector<std::string> names;        ///< Files and directories.
  std::vector<std::string> assignments;  ///< `section.key=value`.

  explicit Positionals(const std::vector<std::string>& arguments);
  /// The only name; empty if there is none. Throws InputError if there are several.
  std::string name() const;
};

/// The TOML file that a program reads for `name`: the file itself, or config.toml in the directory
/// of a run.
std::filesystem::path config_file_of(const std::filesystem::path& name);

/// The configuration of config_file_of(name); the defaults when `name` is empty. Throws InputError.
RunConfig config_from(const std::filesystem::path& name);

/// "gm 0.1.0": what --version prints.
std::string version_text();

}  // namespace gm
