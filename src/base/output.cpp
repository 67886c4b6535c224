#include "base/output.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/lower_case.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// Called when writing to stdout failed.
[[noreturn]] void fail_stdout() {
  const int reason = errno;
  if (reason == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  throw Error("stdout cannot be written: {}", system_reason(reason));
}

void write_to_stdout(const std::function<void(std::FILE*)>& write) {
  write(stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail_stdout();
}

/// The descriptor that a name in /dev refers to, if any. Its file is not opened again, which would
/// overwrite it from the start, and not replaced, which would separate it from its other writers.
std::optional<int> named_descriptor(const fs::path& path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  if (path.parent_path() != "/dev/fd" && path.parent_path() != "/proc/self/fd") return std::nullopt;
  const std::string name = path.filename();
  int descriptor = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), descriptor);
  const bool is_number = error == std::errc() && end == name.data() + name.size();
  return is_number ? std::optional(descriptor) : std::nullopt;
}

/// Writes into the file, device, pipe or descriptor `target`; errors name `path`.
void write_into(const fs::path& target, const fs::path& path,
                const std::function<void(std::FILE*)>& write) {
  const auto fail = [&] {
    throw Error("{}: writing failed: {}", path.string(), system_reason(errno));
  };
  const auto descriptor = named_descriptor(target);
  std::FILE* const file =
      descriptor ? ::fdopen(::dup(*descriptor), "wb") : std::fopen(target.c_str(), "wbe");
  if (file == nullptr) fail();
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> closer(file, std::fclose);
  write(file);
  if (std::fflush(file) != 0 || std::ferror(file) != 0) fail();
  if (std::fclose(closer.release()) != 0) fail();
}

bool is_same_file(const fs::path& one, const fs::path& other) {
  std::error_code nothing_there;
  return canonical_name(one) == canonical_name(other) || fs::equivalent(one, other, nothing_there);
}

/// Whether `output` would overwrite one of the files in the folder `input`.
bool overwrites_in(const fs::path& input, const Output& output) {
  std::error_code nothing_there;
  const fs::path folder = canonical_name(input), name = canonical_name(output.path);
  const auto rest = std::mismatch(folder.begin(), folder.end(), name.begin(), name.end());
  return !output.endings.empty() && fs::exists(name, nothing_there) && rest.first == folder.end();
}

/// Throws InputError if the name has the extension of another file type than the one that is
/// written.
void require_ending(const Output& output) {
  if (output.endings.empty() || is_special_file(output.path) || named_descriptor(output.path))
    return;
  const std::string ending = extension_of(output.path);
  if (ending.empty() || std::ranges::count(output.endings, ending) > 0) return;
  throw InputError("{} {}: give a name that ends in {}; other file types are not supported",
                   output.option, output.path.string(), fmt::join(output.endings, " or "));
}

}  // namespace

void open_missing_streams() {
  // stdout is opened for reading only, so that printing to it fails.
  constexpr std::array kModes{O_RDONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    const bool is_closed = ::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF;
    // open() returns the lowest free descriptor, which is this one.
    if (is_closed) ::open("/dev/null", kModes.at(static_cast<size_t>(descriptor)));
  }
}

void print(std::string_view text) {
  write_to_stdout([&](std::FILE* file) { std::fwrite(text.data(), 1, text.size(), file); });
}

void check_outputs(const std::vector<Output>& outputs, const std::vector<fs::path>& inputs) {
  for (auto output = outputs.begin(); output != outputs.end(); ++output) {
    if (output->path.empty()) continue;
    require_ending(*output);
    if (!named_descriptor(output->path)) require_writable(output->path);
    for (const Output& other : std::span(outputs.begin(), output)) {
      if (other.path.empty() || !is_same_file(output->path, other.path)) continue;
      throw InputError("{} {} and {} {} are the same file; give each a name of its own",
                       other.option, other.path.string(), output->option, output->path.string());
    }
    for (const fs::path& input : inputs) {
      if (input.empty()) continue;
      if (!is_same_file(output->path, input) && !overwrites_in(input, *output)) continue;
      throw InputError("{} {}: would overwrite what is read from {}; give another name",
                       output->option, output->path.string(), input.string());
    }
  }
}

fs::path canonical_name(const fs::path& path) {
  fs::path named = is_stdout(path) ? fs::path("/dev/stdout") : path;
  if (!named.has_filename()) named = named.parent_path();  // folder/ means folder
  std::error_code no_such_thing;
  const fs::path absolute = fs::absolute(without_links(named), no_such_thing);
  const fs::path name = fs::weakly_canonical(absolute, no_such_thing);
  return no_such_thing ? named : name;
}

bool is_stdout(const fs::path& path) { return named_descriptor(path) == STDOUT_FILENO; }

void write_output(const fs::path& path, const std::function<void(std::FILE*)>& write) {
  if (is_stdout(path)) return write_to_stdout(write);
  if (is_special_file(path) || named_descriptor(path)) return write_into(path, path, write);
  StagedPath staged(path);
  write_into(staged.path(), path, write);
  staged.commit();
}

void write_output(const fs::path& path, std::string_view text) {
  write_output(path, [&](std::FILE* file) { std::fwrite(text.data(), 1, text.size(), file); });
}

}  // namespace gm
