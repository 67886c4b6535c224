/// The kinds of failure that a user sees, and the exit status of each.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace gm {

/// Exit statuses of every program. Scripts and job managers rely on them.
enum ExitStatus : int {
  kExitDone = 0,
  kExitFailure = 1,     ///< Any failure that the user's input did not cause.
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

/// The user's input is wrong: command line, configuration, data or checkpoint. Thrown before
/// anything is changed.
class InputError : public Error {
 public:
  using Error::Error;

  int exit_status() const override { return kExitInputWrong; }
};

/// The user or the job manager sent a signal that asks the program to stop. The code that catches
/// this saves its work; the same command resumes later.
class StopRequested : public Error {
 public:
  using Error::Error;

  int exit_status() const override { return kExitRetry; }
};

}  // namespace gm
