#include "config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <span>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "config/describe_program.h"
#include "config/option_values.h"
#include "config/renames.h"
#include "config/schema.h"
#include "config/toml.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDefaultFile = "gm.toml";

/// An option that is another name for one or two keys.
struct Alias {
  const char* option;
  std::array<const char*, 2> keys;
  const char* help;
};
constexpr std::array kAliases{
    Alias{"--train_steps", {"train.steps"}, "Optimizer steps"},
    Alias{"--time_steps", {"diffusion.steps"}, "Steps of the diffusion process"},
    Alias{"--save_folder", {"run.dir"}, "Directory of the run"},
    Alias{"--data_path", {"data.path"}, "The images"},
    Alias{"--load_path", {"model.weights"}, "Weights to start from"},
    Alias{"--data_class", {"data.classes"}, "Classes to train on, or all"},
    Alias{"--image_size", {"data.image_size"}, "Height and width in pixels"},
    Alias{"--batch_size", {"train.batch_size"}, "Images in a micro-batch"},
    Alias{"--learning_rate", {"optimizer.learning_rate"}, "Learning rate of Adam"},
    Alias{"--unet_dim", {"model.dim"}, "Width of the U-Net"},
    Alias{"--save_and_sample_every",
          {"sample.every", "checkpoint.every"},
          "Steps between checkpoints and sample grids"},
};

/// The arguments that CLI11 found, as text.
struct Parsed {
  std::array<std::string, kAliases.size()> aliases;
  std::vector<std::string> dim_mults;
  std::vector<std::string> positionals;
  std::string resume;
  std::string dataloader_workers;
  std::string print;
  bool train = false, visualize = false, fid = false, help_config = false;
};

/// Options are written with underscores here; a dash between words means the same.
std::string with_underscores(std::string argument) {
  if (!argument.starts_with("--")) return argument;
  const auto name_end = std::find(argument.begin(), argument.end(), '=');
  std::replace(argument.begin() + 2, name_end, '-', '_');
  return argument == "--help_config" ? "--help-config" : argument;
}

void describe_options(CLI::App& app, Parsed& parsed) {
  app.name("gm_train");
  app.set_version_flag("--version", version_text());
  app.add_flag("--help-config", parsed.help_config, "Print every key of the configuration");
  app.add_option("arguments", parsed.positionals,
                 "A TOML file or the directory of a run, then section.key=value")
      ->transform(a_path());
  for (size_t i = 0; i < kAliases.size(); ++i) {
    const auto& [option, keys, help] = kAliases[i];
    const std::string also = keys[1] != nullptr ? fmt::format(", {}", keys[1]) : "";
    app.add_option(option, parsed.aliases[i], fmt::format("{} ({}{})", help, keys[0], also))
        ->take_last();
  }
  app.add_option("--unet_dim_mults", parsed.dim_mults,
                 "Width of each level as a multiple (model.dim_mults), as in 1 2 4 8");
  app.add_option("--resume", parsed.resume,
                 "Resume the run in this directory, as with RUN as the first argument")
      ->transform(a_path());
  app.add_option("--dataloader_workers", parsed.dataloader_workers,
                 "Accepted, without effect: a separate thread loads the images")
      ->transform(whole_number(0, 1'000'000));
  app.add_flag("--train", parsed.train, "Accepted, without effect: gm_train always trains");
  app.add_flag("--visualize", parsed.visualize, "Also draw the forward and reverse process");
  app.add_flag("--fid", parsed.fid,
               "Also compare the distribution of samples with that of the images, each time that "
               "samples are made (evaluate.metrics = \"fd\", evaluate.every = sample.every)");
  app.add_option("--print", parsed.print,
                 "Print the value of one key, such as run.dir, instead of training");
  app.footer(
      "Without a file, gm.toml of the working directory is read if there is one. For example:\n"
      "  gm_train configs/quickstart.toml\n"
      "  gm_train configs/quickstart.toml      (again: resumes the run)\n"
      "  launch/local configs/quickstart.toml    (in gm's repository: on all cores)");
  app.allow_extras();  // refuse_option() suggests a known one
}

[[noreturn]] void refuse_option(const CLI::App& app, const std::string& option) {
  std::vector<std::string> known;
  for (const CLI::Option* candidate : app.get_options()) {
    if (!candidate->get_positional() && !candidate->get_group().empty())
      known.push_back(candidate->get_name());
  }
  const std::string name = option.substr(0, option.find('='));
  const auto meant = nearest(name, known);
  throw InputError("command line: there is no option {}{}; --help lists all options", name,
                   meant ? fmt::format(" (did you mean {}?)", *meant) : "");
}

/// The last of the commands that were given, such as `pack` of gm_data.
const CLI::App& given_command(const CLI::App& app) {
  const std::vector<const CLI::App*> given =
      app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
  return given.empty() ? app : *given.back();
}

/// For arguments that `app` did not expect.
[[noreturn]] void refuse_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(/*recurse=*/true);
  for (const std::string& extra : extras) {
    if (extra.starts_with('-') && extra != "-") refuse_option(given_command(app), extra);
  }
  throw InputError("command line: {} is more than expected; --help lists the arguments",
                   extras.empty() ? "an argument" : extras.front());
}

void refuse_empty_arguments(int argc, const char* const* argv) {
  for (const std::string_view argument : std::span(argv, static_cast<size_t>(argc))) {
    const bool has_no_value =
        argument.starts_with("--") && argument.find('=') + 1 == argument.size();
    if (!argument.empty() && !has_no_value) continue;
    throw InputError("command line: {} is empty; perhaps a shell variable is not set",
                     argument.empty() ? "an argument" : argument);
  }
}

/// The arguments after the program's name, changed by `rewrite`, in the reverse order that CLI11
/// needs. Throws InputError for empty ones.
std::vector<std::string> arguments_for_cli(int argc, const char* const* argv,
                                           std::string (*rewrite)(std::string)) {
  refuse_empty_arguments(argc, argv);
  std::vector<std::string> reversed;
  for (int i = argc - 1; i > 0; --i) reversed.push_back(rewrite(argv[i]));
  return reversed;
}

/// Parses `arguments` with `app`. Returns the text that answers --help and similar options, if one
/// of them was given.
std::optional<std::string> answer_or_read(CLI::App& app, std::vector<std::string> arguments) {
  // As an answer, so that it does not need the arguments that are required.
  app.add_flag_callback("--describe", [&] { throw CLI::CallForVersion(describe_program(app), 0); })
      ->group("");  // hidden
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& answer) {
    std::ostringstream text;
    app.exit(answer, text);
    return text.str();
  } catch (const CLI::ExtrasError&) {
    refuse_extras(app);
  } catch (const CLI::ParseError& error) {
    throw InputError("command line: {}; {} --help lists the options", error.what(), app.get_name());
  }
  for (const std::string& left : app.remaining()) refuse_option(app, left);
  return std::nullopt;
}

/// The file or run that the command line names, if any.
std::string file_argument(const Parsed& parsed, const std::string& file) {
  if (parsed.resume.empty()) return file;
  if (!file.empty()) {
    throw InputError("--resume {} and {}: give only one of them", parsed.resume, file);
  }
  if (std::error_code reason; !fs::is_directory(parsed.resume, reason)) {
    throw InputError("--resume {}: {}", parsed.resume,
                     reason ? reason.message() : "not a directory");
  }
  return parsed.resume;
}

fs::path config_file(const std::string& argument) {
  if (argument.empty()) return fs::exists(kDefaultFile) ? fs::path(kDefaultFile) : fs::path();
  return argument;
}

std::vector<Assignment> alias_assignments(const Parsed& parsed) {
  std::vector<Assignment> assignments;
  const auto add = [&](const char* option, const char* key, const std::string& text) {
    Assignment assignment = parse_override(fmt::format("{}={}", key, text));
    assignment.where = option;
    assignments.push_back(std::move(assignment));
  };
  for (size_t i = 0; i < kAliases.size(); ++i) {
    for (const char* key : kAliases[i].keys) {
      if (key != nullptr && !parsed.aliases[i].empty()) {
        add(kAliases[i].option, key, parsed.aliases[i]);
      }
    }
  }
  if (!parsed.dim_mults.empty()) {
    std::string list;
    for (const std::string& multiple : parsed.dim_mults) list += multiple + ", ";
    add("--unet_dim_mults", "model.dim_mults", "[" + list + "]");
  }
  return assignments;
}

/// The value of the key as a line: text as it is, other values as in TOML.
std::string line_with(const Key& key) {
  const Value value = key.value();
  const auto* text = std::get_if<std::string>(&value.content);
  return (text != nullptr ? *text : to_text(value)) + "\n";
}

}  // namespace

TrainCommand parse_train_command(int argc, const char* const* argv) {
  Parsed parsed;
  CLI::App app(
      "Trains the model that a configuration describes, on one rank or, under mpirun or "
      "srun, on many.");
  describe_options(app, parsed);
  TrainCommand command;
  command.answer = answer_or_read(app, arguments_for_cli(argc, argv, with_underscores));
  if (parsed.help_config) command.answer = config_help();
  if (command.answer) return command;
  if (!parsed.dataloader_workers.empty()) {
    log_info("--dataloader_workers has no effect: a separate thread loads the images");
  }

  command.visualize = parsed.visualize;
  const Positionals positionals(parsed.positionals);
  command.file = config_file(file_argument(parsed, positionals.name()));
  command.config = config_from(command.file);
  const Schema schema(command.config);
  for (const Assignment& assignment : alias_assignments(parsed)) schema.set(assignment);
  if (parsed.fid) {
    command.config.evaluate.metrics = "fd";
    command.config.evaluate.every = command.config.sample.every;
  }
  for (const std::string& text : positionals.assignments) schema.set(parse_override(text));
  if (!parsed.print.empty()) command.answer = line_with(schema.key(parsed.print, "--print"));
  return command;
}

std::optional<std::string> answer_or_parse(CLI::App& app, int argc, const char* const* argv) {
  return answer_or_read(app, arguments_for_cli(argc, argv, with_current_name));
}

Positionals::Positionals(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    (is_assignment(argument) ? assignments : names).push_back(argument);
  }
}

std::string Positionals::name() const {
  if (names.size() > 1) {
    throw InputError("command line: {} and {}: give only one file or run, and section.key=value",
                     names[0], names[1]);
  }
  return names.empty() ? "" : names.front();
}

fs::path config_file_of(const fs::path& name) {
  std::error_code nothing_there;
  return fs::is_directory(name, nothing_there) ? name / "config.toml" : name;
}

RunConfig config_from(const fs::path& name) {
  if (name.empty()) return {};
  return config_file_of(name) == name ? read_config(name) : read_run_config(name);
}

std::string version_text() { return "gm " GM_VERSION; }

}  // namespace gm
