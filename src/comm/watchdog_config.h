/// How long the parts of a run may take before the watchdog ends it.
#pragma once

namespace gm {

/// Limits in seconds. 0 disables a limit, as a debugger needs.
struct WatchdogConfig {
  double start_seconds = 600;
  double step_seconds = 300;
  double data_seconds = 300;
  double reduction_seconds = 300;
  double sampling_seconds = 1800;
  double evaluation_seconds = 3600;
  double checkpoint_seconds = 600;
  double end_seconds = 600;

  template <class Fields>
  void describe(Fields& field) {
    constexpr double kWeek = 604800;
    field("start_seconds", start_seconds)
        .range(0.0, kWeek)
        .help(
            "Longest time in seconds from the start of the world to the first step; 0 for no "
            "limit.");
    field("step_seconds", step_seconds)
        .range(0.0, kWeek)
        .help(
            "Longest time in seconds for one training step, waiting for data included; 0 for no "
            "limit.");
    field("data_seconds", data_seconds)
        .range(0.0, kWeek)
        .help("Longest time in seconds that a step waits for its images; 0 for no limit.");
    field("reduction_seconds", reduction_seconds)
        .range(0.0, kWeek)
        .help(
            "Longest time in seconds that a step waits for the other ranks' gradients; 0 for no "
            "limit.");
    field("sampling_seconds", sampling_seconds)
        .range(0.0, kWeek)
        .help(
            "Longest time in seconds for making one grid of samples, in gm_sample one batch of "
            "them; 0 for no limit.");
    field("evaluation_seconds", evaluation_seconds)
        .range(0.0, kWeek)
        .help("Longest time in seconds for one batch of an evaluation; 0 for no limit.");
    field("checkpoint_seconds", checkpoint_seconds)
        .range(0.0, kWeek)
        .help("Longest time in seconds for writing or reading one checkpoint; 0 for no limit.");
    field("end_seconds", end_seconds)
        .range(0.0, kWeek)
        .help("Longest time in seconds that ranks wait for each other at the end; 0 for no limit.");
  }
};

}  // namespace gm
