/// What programs that use a trained run on all ranks share: options and main().
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/error.h"
#include "base/malloc_settings.h"
#include "base/output.h"
#include "comm/run_program.h"
#include "comm/world.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "run/load_run.h"

namespace gm {

/// The options that choose the weights of a run: --weights and --step.
inline void declare_weights(CLI::App& app, LoadedRun::Choice& choice) {
  add_choice<SampleWeights>(
      app, "--weights", choice.weights,
      "Weights to use: their moving average (ema), or those of the last step (model)")
      ->default_str(name_of(choice.weights));
  const auto take_step = [&choice](const std::string& text) {
    choice.best = text == kBestStep;
    if (!choice.best) choice.step = std::stoll(text);
  };
  app.add_option_function<std::string>(
         "--step", take_step,
         "Step of the checkpoint to use, or best: the one of checkpoint.keep_best; the newest when "
         "not given")
      ->transform(a_step());
}

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
