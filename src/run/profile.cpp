#include "run/profile.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"

namespace gm {
namespace {

using torch::autograd::profiler::KinetoEvent;

const std::set<torch::profiler::impl::ActivityType>& activities() {
  static const std::set<torch::profiler::impl::ActivityType> cpu{
      torch::profiler::impl::ActivityType::CPU};
  return cpu;
}

/// The autograd engine records each node under a different name; this function merges them.
std::string operator_of(const KinetoEvent& event) {
  std::string name = event.name();
  return name.starts_with("autograd::engine") ? "autograd's engine" : name;
}

/// An event that has not ended yet, and the time of the events nested in it.
struct OpenEvent {
  const KinetoEvent* event;
  uint64_t inner_ns = 0;
};

/// Sums times by operator name. Events of a thread nest: an event that starts before another one
/// ends is inside it.
class OperatorTimes {
 public:
  explicit OperatorTimes(const CountFlops& count_flops) : count_flops_(count_flops) {}

  /// `events` of one thread, sorted by start time.
  void add_thread(const std::vector<const KinetoEvent*>& events) {
    std::vector<OpenEvent> open;
    for (const KinetoEvent* event : events) {
      while (!open.empty() && open.back().event->endNs() <= event->startNs()) close(open);
      open.push_back({event});
    }
    while (!open.empty()) close(open);
  }

  /// Slowest first.
  std::vector<OperatorTime> sorted() const {
    std::vector<OperatorTime> times;
    for (const auto& [name, time] : by_name_) times.push_back(time);
    std::ranges::sort(times, std::greater(), &OperatorTime::seconds);
    return times;
  }

 private:
  void close(std::vector<OpenEvent>& open) {
    const auto [event, inner_ns] = open.back();
    open.pop_back();
    if (!open.empty()) open.back().inner_ns += event->durationNs();
    const std::string name = operator_of(*event);
    OperatorTime& time = by_name_[name];
    time.name = name;
    time.calls += 1;
    time.seconds += 1e-9 * static_cast<double>(event->durationNs() - inner_ns);
    time.flops += count_flops_(name, event->shapes().vec());
  }

  const CountFlops& count_flops_;
  std::map<std::string, OperatorTime> by_name_;
};

std::vector<OperatorTime> operator_times(const std::vector<KinetoEvent>& events,
                                         const CountFlops& count_flops) {
  std::map<uint64_t, std::vector<const KinetoEvent*>> by_thread;
  for (const KinetoEvent& event : events) by_thread[event.startThreadId()].push_back(&event);
  OperatorTimes times(count_flops);
  for (auto& [thread, own] : by_thread) {
    std::ranges::stable_sort(own, [](const KinetoEvent* a, const KinetoEvent* b) {
      return std::pair(a->startNs(), b->endNs()) < std::pair(b->startNs(), a->endNs());
    });
    times.add_thread(own);
  }
  return times.sorted();
}

}  // namespace

Profile::Profile(int64_t steps, std::filesystem::path trace, CountFlops count_flops)
    : steps_(steps), trace_(std::move(trace)), count_flops_(std::move(count_flops)) {}

Profile::~Profile() {
  if (done_ == steps_) return;
  if (done_ >= 0) torch::autograd::profiler::disableProfiler();
  log_warning("no profile: the run ended when {} of {} steps were timed",
              std::max<int64_t>(0, done_), steps_);
}

void Profile::step(const StepReport& report) {
  if (done_ == steps_) return;
  if (done_ >= 0) {
    for (const auto& [part, seconds] : report.part_seconds) part_seconds_[part] += seconds;
  }
  ++done_;
  if (done_ == 0) begin();
  if (done_ == steps_) end();
}

void Profile::begin() {
  // Kineto logs warnings on a machine without a GPU, and little else.
  ::setenv("KINETO_LOG_LEVEL", "99", /*overwrite=*/0);
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO,
                                                     /*report_input_shapes=*/true);
  torch::autograd::profiler::prepareProfiler(config, activities());
  torch::autograd::profiler::enableProfiler(config, activities(), {at::RecordScope::FUNCTION});
  begin_ = std::chrono::steady_clock::now();
}

void Profile::end() {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
  const auto result = torch::autograd::profiler::disableProfiler();
  log_info("{}", table(operator_times(result->events(), count_flops_), seconds.count()));
  try {
    StagedPath staged(trace_);
    result->save(staged.path());
    staged.commit();
    log_info("a trace for ui.perfetto.dev is in {}", trace_.string());
  } catch (const std::exception& error) {
    log_warning("no trace of the profile: {}", error.what());
  }
}

/// First the parts of a step (data, reduction, ...), then the operators on the training thread.
std::string Profile::table(const std::vector<OperatorTime>& operators, double all_seconds) const {
  constexpr double kSmallestShare = 0.001;
  const auto steps = static_cast<double>(steps_);
  std::string text = fmt::format("profile of {} steps on rank 0\n  {:<42}{:>8}{:>11}{:>8}{:>9}",
                                 steps_, "", "calls", "ms/step", "share", "GFLOP/s");
  const auto add = [&](std::string_view name, double seconds, std::string_view calls = "",
                       std::string_view rate = "") {
    text += fmt::format("\n  {:<42}{:>8}{:>11.2f}{:>6.1f} %{:>9}", name, calls,
                        1e3 * seconds / steps, 100 * seconds / all_seconds, rate);
  };
  double in_parts = 0, in_operators = 0;
  for (const auto& [part, seconds] : part_seconds_) {
    add(part, seconds);
    in_parts += seconds;
  }
  add("other work", all_seconds - in_parts);
  for (const OperatorTime& time : operators) {
    in_operators += time.seconds;
    if (time.seconds < kSmallestShare * all_seconds) continue;
    add(time.name, time.seconds, fmt::format("{:.1f}", static_cast<double>(time.calls) / steps),
        time.flops > 0 ? fmt::format("{:.1f}", 1e-9 * time.flops / time.seconds) : "");
  }
  add("outside of operators", all_seconds - in_operators);
  return text;
}

}  // namespace gm
