/// The `[run]` section of a run's configuration.
#pragma once

#include <cstdint>
#include <string>

#include "config/task_kinds.h"

namespace gm {

struct RunSettings {
  std::string dir = "./results";
  std::string task = "ddpm";
  int64_t seed = 0;
  std::string device = "auto";

  template <class Fields>
  void describe(Fields& field) {
    field("dir", dir)
        .path()
        .not_empty()
        .help("Directory of the run: configuration, metrics, log, samples and checkpoints.");
    field("task", task).one_of(task_names()).help(task_help());
    field("seed", seed).range(0, INT64_MAX).help("Seed of all random numbers of the run.");
    field("device", device)
        .one_of({"auto", "cpu", "cuda"})
        .help(
            "Where to compute. This version computes on CPUs: auto means cpu, and cuda is "
            "refused.");
  }
};

}  // namespace gm
