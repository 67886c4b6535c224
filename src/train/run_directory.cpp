#include "train/run_directory.h"

#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr size_t kConfigLimitBytes = 1 << 20;

/// The first line in which two configurations differ, as "theirs" and "ours".
std::string first_difference(const std::string& old_text, const std::string& new_text) {
  std::istringstream old_lines(old_text), new_lines(new_text);
  std::string old_line, new_line;
  while (true) {
    const bool old_ended = !std::getline(old_lines, old_line);
    const bool new_ended = !std::getline(new_lines, new_line);
    if (old_ended && new_ended) return "";
    if (old_ended) old_line = "(nothing)";
    if (new_ended) new_line = "(nothing)";
    if (old_line != new_line) return fmt::format("it has `{}`, this run `{}`", old_line, new_line);
  }
}

}  // namespace

fs::path RunDirectory::samples(int64_t step) const {
  return samples_folder() / fmt::format("step-{:08d}.png", step);
}

void RunDirectory::require_free(const std::string& config_text) const {
  if (!fs::exists(config())) return;
  const std::string difference =
      first_difference(read_file(config(), kConfigLimitBytes), config_text);
  const std::string what = difference.empty()
                               ? "a run with this very configuration"
                               : fmt::format("a run with another configuration: {}", difference);
  throw InputError("{}: the run directory holds {}; choose another with run.dir=..., or remove it",
                   root_.string(), what);
}

void RunDirectory::claim(const std::string& config_text) const {
  try {
    require_free(config_text);
    fs::create_directories(samples_folder());
    write_file_atomically(config(), config_text);
  } catch (const fs::filesystem_error& error) {
    throw InputError("{}: the run directory cannot be made: {}; choose another with run.dir=...",
                     root_.string(), error.code().message());
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {
    throw InputError("the run directory cannot be written: {}; choose another with run.dir=...",
                     error.what());
  }
}

}  // namespace gm
