/// The `[checkpoint]` section of a run's configuration.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

struct CheckpointConfig {
  int64_t every = 1000;
  int64_t keep = 3;
  std::string keep_best = {};

  template <class Fields>
  void describe(Fields& field) {
    field("every", every)
        .range(1, 1'000'000'000)
        .help("Optimizer steps between two checkpoints. The last step always makes one.");
    field("keep", keep)
        .range(0, 1'000'000)
        .help("How many checkpoints are kept, the newest ones; 0 keeps all.");
    field("keep_best", keep_best)
        .help(
            "A figure of evaluate.metrics, such as loss_held_out or psnr_masked: the checkpoint "
            "that is best by it is kept as well, for --step best; empty: none.");
  }
};

}  // namespace gm
