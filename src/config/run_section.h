/// The `[run]` section of a run's configuration.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "config/task_kinds.h"

namespace gm {

enum class DeviceChoice { kAuto, kCpu, kCuda };
constexpr auto names_of(DeviceChoice) {
  using enum DeviceChoice;
  return std::to_array<std::pair<DeviceChoice, const char*>>(
      {{kAuto, "auto"}, {kCpu, "cpu"}, {kCuda, "cuda"}});
}

struct RunSettings {
  std::string dir = "./results";
  std::string task = "ddpm";
  int64_t seed = 0;
  DeviceChoice device = DeviceChoice::kAuto;

  template <class Fields>
  void describe(Fields& field) {
    field("dir", dir)
        .path()
        .not_empty()
        .help("Directory of the run: configuration, metrics, log, samples and checkpoints.");
    field("task", task).one_of(task_names()).help(task_help());
    field("seed", seed).range(0, INT64_MAX).help("Seed of all random numbers of the run.");
    field("device", device)
        .help(
            "Where to compute. This version computes on CPUs: auto means cpu, and cuda is "
            "refused.");
  }
};

}  // namespace gm
