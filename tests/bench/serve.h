/// The protocol of the benchmark programs: a Python script requests steps through stdin.
#pragma once

#include <ATen/ops/full.h>
#include <sys/resource.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <thread>

#include "comm/communicator.h"
#include "comm/world.h"

namespace gm::bench {

/// The number of steps that rank 0 reads from stdin; 0 at the end of the input. The ranks sleep
/// while they wait, because another program is being timed.
inline int64_t next_order(World& world) {
  int64_t steps = 0;
  if (std::string line; world.rank() == 0 && std::getline(std::cin, line)) steps = std::stoll(line);
  const at::Tensor order = at::full({1}, steps, at::kLong);
  const auto told = world.communicator().start_all_reduce_sum(order);
  while (!told->poll()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return order.item<int64_t>();
}

inline double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

/// Reads a number of steps per line, runs them with `run`, and prints the seconds that they took
/// and the peak memory of rank 0 in MiB, until the input ends. Every rank calls it.
inline void serve(World& world, const std::function<void(int64_t)>& run) {
  while (const int64_t steps = next_order(world)) {
    const auto start = std::chrono::steady_clock::now();
    run(steps);
    world.communicator().barrier();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (world.rank() == 0) std::cout << seconds.count() << ' ' << peak_mebibytes() << std::endl;
  }
}

}  // namespace gm::bench
