// A rank that waits for another rank sleeps, so that other processes can use its core.
#include "comm/mpi_wait.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <functional>
#include <thread>

#include "comm/communicator.h"
#include "support/test_world.h"

namespace gm {
namespace {

double processor_seconds_of_this_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The processor seconds of this rank in `operation`, which the last rank enters half a second
/// late.
double seconds_of_waiting(const std::function<void(Communicator&)>& operation) {
  Communicator& ranks = test_world().communicator();
  ranks.barrier();
  if (ranks.rank() == ranks.size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const double start = processor_seconds_of_this_thread();
  operation(ranks);
  return processor_seconds_of_this_thread() - start;
}

TEST(MpiWait, AWaitingRankSleeps) {
  const at::Tensor tensor = at::ones({1000});
  EXPECT_LT(seconds_of_waiting([](Communicator& ranks) { ranks.barrier(); }), 0.1);
  EXPECT_LT(seconds_of_waiting([&](Communicator& ranks) { ranks.all_reduce_sum(tensor); }), 0.1);
  EXPECT_LT(seconds_of_waiting([&](Communicator& ranks) { ranks.all_gather(tensor); }), 0.1);
  EXPECT_LT(
      seconds_of_waiting([&](Communicator& ranks) { ranks.start_all_reduce_sum(tensor)->wait(); }),
      0.1);
  // The root of a broadcast need not wait, so the root is the late rank here.
  EXPECT_LT(
      seconds_of_waiting([&](Communicator& ranks) { ranks.broadcast(tensor, ranks.size() - 1); }),
      0.1);
}

}  // namespace
}  // namespace gm
