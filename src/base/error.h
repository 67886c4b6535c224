/// The two kinds of failure that a user meets, and the exit status that each one means.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace gm {

/// Exit statuses of every program. Scripts and job managers rely on them.
enum ExitStatus : int {
  kExitDone = 0,
  kExitFailure = 1,     ///< Anything that is not the user's input.
  kExitInputWrong = 2,  ///< Command line, configuration, data or checkpoint; nothing was changed.
  kExitRetry = 75,      ///< Saved on request (EX_TEMPFAIL): the same command resumes.
};

/// Something failed while the program ran. The message says what happened, to what (file, key,
/// rank), and what to do about it.
class Error : public std::runtime_error {
 public:
  template <typename... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}

  virtual int exit_status() const { return kExitFailure; }
};

/// What the user gave is wrong: command line, configuration, data or checkpoint. Thrown before
/// anything was changed.
class InputError : public Error {
 public:
  using Error::Error;

  int exit_status() const override { return kExitInputWrong; }
};

/// A person, or the job manager, asked the program to leave by a signal. Whoever catches it saves
/// what is worth it; the same command resumes later.
class StopRequested : public Error {
 public:
  using Error::Error;

  int exit_status() const override { return kExitRetry; }
};

}  // namespace gm
