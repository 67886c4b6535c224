/// The `[run]` section of a run's configuration.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

struct RunSettings {
  std::string dir = "./results";
  int64_t seed = 0;
  std::string device = "auto";

  template <class Fields>
  void describe(Fields& field) {
    field("dir", dir)
        .help("Directory of the run: configuration, metrics, log, samples and checkpoints.");
    field("seed", seed).range(0, INT64_MAX).help("Every random number of the run follows from it.");
    field("device", device)
        .one_of({"auto", "cpu", "cuda"})
        .help(
            "Where to compute. This version computes on CPUs: auto means cpu, and cuda is "
            "refused.");
  }
};

}  // namespace gm
