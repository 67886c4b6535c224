/// Runs a program like a user does, and captures its output.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace gm {

struct CommandResult {
  int status = -1;  ///< Exit status; -1 if a signal ended the program.
  std::string out, err;
  int64_t peak_bytes = 0;  ///< Largest resident memory.

  /// The last line of stderr, without the newline.
  std::string last_error() const {
    const std::string text = err.substr(0, err.find_last_not_of('\n') + 1);
    return text.substr(text.rfind('\n') + 1);
  }
};

/// A program of this build, such as `gm_data`.
inline std::string program(const std::string& name) {
  const char* folder = std::getenv("GM_BIN_DIR");
  if (folder == nullptr) throw std::runtime_error("GM_BIN_DIR must be the folder of the programs");
  return std::string(folder) + "/" + name;
}

/// Runs `words` (a program and its arguments) without a shell, and waits until it ends.
inline CommandResult run_command(const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  const auto out = folder / "out", err = folder / "err";
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto redirect = [](const std::filesystem::path& path, int descriptor) {
    ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT, 0600), descriptor);
  };
  const pid_t child = ::fork();
  if (child == 0) {
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  const auto content = [](const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out), content(err),
          usage.ru_maxrss * int64_t{1024}};
}

}  // namespace gm
