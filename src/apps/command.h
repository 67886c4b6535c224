/// The main() of a program that works on all ranks and reads its command line with CLI11.
#pragma once

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/malloc_settings.h"
#include "base/output.h"
#include "comm/run_program.h"
#include "comm/world.h"
#include "config/command_line.h"

namespace gm {

/// Reads the command line into a `Command` through the options that `declare` adds to `app`, and
/// calls `run` on every rank. Rank 0 answers --help and the like instead. Ends the process.
template <class Command>
[[noreturn]] void run_command(CLI::App& app, int argc, char** argv,
                              void (*declare)(CLI::App&, Command&),
                              void (*run)(World&, const Command&)) {
  tune_allocator();
  run_program([&](World& world) {
    Command command;
    declare(app, command);
    if (const auto answer = answer_or_parse(app, argc, argv)) {
      if (world.rank() == 0) print(*answer);
    } else {
      run(world, command);
    }
    return kExitDone;
  });
}

}  // namespace gm
