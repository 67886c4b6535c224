/// The `[checkpoint]` section of a run's configuration.
#pragma once

#include <cstdint>

namespace gm {

struct CheckpointConfig {
  int64_t every = 1000;
  int64_t keep = 3;

  template <class Fields>
  void describe(Fields& field) {
    field("every", every)
        .range(1, 1'000'000'000)
        .help("Optimizer steps between two checkpoints. The last step always makes one.");
    field("keep", keep)
        .range(0, 1'000'000)
        .help("How many checkpoints are kept, the newest ones; 0 keeps all.");
  }
};

}  // namespace gm
