// Prints how many masks of 32 x 32 one core draws per second, for each kind: masks_bench
// [SECONDS_EACH]. Exits with 1 if a kind is below 100,000.
#include <ATen/ops/arange.h>
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>

#include "data/masks.h"

namespace {

double masks_a_second(const char* kind, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSide = 32, kBatch = 32;
  gm::MaskConfig config;
  config.kind = kind;
  const gm::MaskSource source(config, kSide, kSide, /*seed=*/1);
  int64_t drawn = 0;
  double taken = 0;
  for (const auto start = Clock::now(); taken < seconds;) {
    for (int b = 0; b < 20; ++b, drawn += kBatch)
      source.masks(at::arange(drawn, drawn + kBatch, at::kLong));
    taken = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return static_cast<double>(drawn) / taken;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr double kBar = 100'000;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  bool holds = true;
  for (const char* kind : {"rectangle", "boxes", "strokes", "half", "centre", "pixels", "mixed"}) {
    const double speed = masks_a_second(kind, seconds);
    fmt::print("{:<10} {:>9.0f} masks/s\n", kind, speed);
    holds = holds && speed >= kBar;
  }
  return holds ? 0 : 1;
}
