/// The `[profile]` section of a run's configuration.
#pragma once

#include <cstdint>

namespace gm {

struct ProfileConfig {
  int64_t steps = 0;

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps)
        .range(0, 1000)
        .help(
            "Number of steps to profile on rank 0, after the first step. The table of operators is "
            "written to the log, and a trace for Perfetto to profile.json. 0 for none.");
  }
};

}  // namespace gm
