#include "base/openmp_spinning.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace gm {
namespace {

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// CPU seconds that the other thread of a team uses while this thread sleeps after a parallel
/// region, for 20 regions.
double seconds_of_waiting() {
  std::atomic<int> runs = 0;  // The compiler may remove a region without an effect.
  const double start = processor_seconds();
  for (int i = 0; i < 20; ++i) {
#pragma omp parallel num_threads(2)
    ++runs;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return processor_seconds() - start;
}

/// With the default setting of the OpenMP runtime, this takes about 0.1 s.
TEST(OpenMpSpinning, AThreadWithoutWorkSleeps) {
  shorten_openmp_spinning(2);
  EXPECT_LT(seconds_of_waiting(), 0.02);
}

}  // namespace
}  // namespace gm
