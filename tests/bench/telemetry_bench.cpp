// Times what telemetry adds to a training step on rank 0, and a scrape: telemetry_bench FOLDER,
// which becomes a run directory.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "run/run_log.h"
#include "telemetry/metrics.h"

namespace gm {
namespace {

constexpr int64_t kSteps = 20'000;

StepReport report_of(int64_t step) {
  return {.step = step,
          .samples = 64 * step,
          .step_samples = 64,
          .loss = 0.0234567 + 1e-9 * static_cast<double>(step),
          .loss_terms = {{"reconstruction", 0.1},
                         {"adversarial", 0.2},
                         {"feature_matching", 0.3},
                         {"discriminator", 0.4},
                         {"r1", 0.5}},
          .learning_rate = 1e-4,
          .gradient_norm = 1.234567,
          .step_seconds = 0.1234567,
          .part_seconds = {{"data", 1e-4},
                           {"forward_backward", 0.1},
                           {"reduction", 0.01},
                           {"optimizer", 0.001}},
          .allreduce_bytes = 4 << 20,
          .allreduce_seconds = 0.01,
          .slowest = SlowestRank{.rank = 1, .ratio = 1.25}};
}

/// Median seconds of a call.
template <class Act>
double median_seconds(int64_t calls, Act act) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int64_t call = 1; call <= calls; ++call) {
    const auto start = Clock::now();
    act(call);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::ranges::nth_element(seconds, seconds.begin() + calls / 2);
  return seconds[static_cast<size_t>(calls / 2)];
}

void measure(const RunDirectory& directory) {
  directory.begin("");
  Metrics metrics;
  RunLog log(directory, metrics, {.total_steps = 2 * kSteps, .log_every_seconds = 1e6});
  log.evaluation({.step = 1}, {.name = "loss", .figures = {{"loss_train", 1}, {"loss_gap", 1}}}, 1);

  const double recording =
      median_seconds(kSteps, [&](int64_t step) { metrics.record_step(report_of(step)); });
  const double step = median_seconds(kSteps, [&](int64_t at) { log.step(report_of(at)); });
  const double scrape = median_seconds(500, [&](int64_t) { metrics.text(); });
  fmt::print("metrics of a step     {:8.1f} us\n", recording * 1e6);
  fmt::print("all telemetry of it   {:8.1f} us: metrics, metrics.jsonl, progress\n", step * 1e6);
  fmt::print("text of a scrape      {:8.1f} us, {:.1f} kB\n", scrape * 1e6,
             static_cast<double>(metrics.text().size()) / 1e3);
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  if (argc != 2) return fmt::print("usage: telemetry_bench FOLDER\n"), 2;
  gm::measure(gm::RunDirectory(argv[1]));
}
