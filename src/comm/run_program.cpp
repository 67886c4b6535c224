#include "comm/run_program.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "base/end_process.h"
#include "base/error.h"
#include "base/files.h"
#include "base/output.h"
#include "base/signals.h"
#include "base/stop_deadline.h"
#include "comm/world.h"

namespace gm {
namespace {

struct Failure {
  int status;
  std::string reason;
};

/// One line, because the last line on stderr must hold the whole reason.
std::string on_one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (size_t i = text.find('\n'); i != std::string::npos; i = text.find('\n', i)) {
    text.replace(i, 1, " | ");
  }
  return text;
}

/// The failure that the exception being handled stands for.
Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.exit_status(), on_one_line(error.what())};
  } catch (const c10::Error& error) {
    return {kExitFailure, on_one_line(error.what_without_backtrace())};
  } catch (const std::bad_alloc&) {
    return {kExitFailure, "out of memory"};
  } catch (const std::exception& error) {
    return {kExitFailure, on_one_line(error.what())};
  } catch (...) {
    return {kExitFailure, "an exception of an unknown type"};
  }
}

/// Called when an exception escaped from a thread or a destructor and cannot be caught any more.
[[noreturn]] void end_world_on_terminate() {
  if (!std::current_exception()) end_world(kExitFailure, "std::terminate was called");
  const Failure failure = [] {
    try {
      std::rethrow_exception(std::current_exception());
    } catch (...) {
      return current_failure();
    }
  }();
  end_world(failure.status, failure.reason);
}

void start(std::optional<World>& world) {
  try {
    world.emplace();
  } catch (...) {
    const Failure failure = current_failure();
    end_world(failure.status, failure.reason);
  }
}

/// The last line on stderr of a program without a world.
void log_alone(std::string_view reason) {
  const std::string line = fmt::format("{}: {}\n", program_invocation_short_name, reason);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int run_in_world(const std::function<int(World&)>& body) {
  std::optional<World> world;
  start(world);
  try {
    return body(*world);
  } catch (...) {
    const Failure failure = current_failure();
    return world->fail(failure.status, failure.reason);
  }
}

int run_and_log(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {
    const Failure failure = current_failure();
    log_alone(failure.reason);
    return failure.status;
  }
}

}  // namespace

void run_program(const std::function<int(World&)>& body) {
  open_missing_streams();
  std::set_terminate(end_world_on_terminate);
  // The reader of our output or metrics may end (`| head`): then writing fails, but the run
  // continues.
  std::signal(SIGPIPE, SIG_IGN);
  let_large_files_fail();
  catch_stop_signals();
  const int status = [&] {
    const StopDeadline stop_deadline([](const std::string& reason) {
      remove_staged_paths();
      end_world(kExitRetry, reason);
    });
    return run_in_world(body);
  }();
  end_process(status);
}

void run_alone(const std::function<int()>& body) {
  open_missing_streams();
  let_large_files_fail();
  catch_stop_signals();
  const int status = [&] {
    const StopDeadline stop_deadline([](const std::string& reason) {
      remove_staged_paths();
      log_alone(reason);
      ::_exit(kExitRetry);
    });
    return run_and_log(body);
  }();
  end_process(status);
}

}  // namespace gm
