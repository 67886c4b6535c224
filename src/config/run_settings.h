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
        .help("Where to compute; auto takes a GPU where there is one.");
  }
};

}  // namespace gm
