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

/// What a command line of gm_train asks for.
struct TrainCommand {
  /// Text to print on stdout instead of training (--help, --version, --help-config).
  std::optional<std::string> answer;
  RunConfig config;
  /// Where the configuration came from; empty for the defaults.
  std::filesystem::path file;
  /// Also draw the forward and the reverse process (--visualize).
  bool visualize = false;
};

/// `gm_train [FILE|RUN] [section.key=value ...] [--option value ...]`.
///
/// FILE is a TOML file, RUN the directory of a run (also as `--resume RUN`); without either,
/// gm.toml of the working directory is read if there is one. The options are those of the program
/// that gm follows, as other names of keys, with `_` or `-`; overrides win over options, options
/// over the file. Throws InputError.
TrainCommand parse_train_command(int argc, const char* const* argv);

/// Lets `app` read the command line of its program. Returns the text to print instead of working
/// where --help or --version was asked for. Throws InputError.
std::optional<std::string> answer_or_parse(CLI::App& app, int argc, const char* const* argv);

/// The positional arguments of a program, told apart by is_assignment().
struct Positionals {
  std::vector<std::string> names;        ///< Files and directories.
  std::vector<std::string> assignments;  ///< `section.key=value`.

  explicit Positionals(const std::vector<std::string>& arguments);
  /// The only name; empty where there is none. Throws InputError when there are several.
  std::string name() const;
};

/// The TOML file that a program reads when `name` is given: the file itself, or that of the run in
/// a directory.
std::filesystem::path config_file_of(const std::filesystem::path& name);

/// The configuration of config_file_of(name); the defaults when `name` is empty. Throws InputError.
RunConfig config_from(const std::filesystem::path& name);

/// "gm 0.1.0": what --version prints.
std::string version_text();

}  // namespace gm
