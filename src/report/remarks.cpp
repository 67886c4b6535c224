#include "report/remarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/median.h"
#include "run/overfitting_monitor.h"

namespace gm {
namespace {

using Kind = Remark::Kind;

/// The fewest recent steps of which a habit can be told.
constexpr size_t kFewestSteps = 50;

std::string times(int64_t count) {
  return count == 1 ? "once" : count == 2 ? "twice" : fmt::format("{} times", count);
}

const EventLine* newest(const RunRecord& run, const std::string& event) {
  const auto found = run.events.find(event);
  return found == run.events.end() || found->second.empty() ? nullptr : &found->second.back();
}

/// ": reason", without the full stop that the sentence has anyway.
std::string with_reason(const EventLine& event) {
  std::string reason = event.reason;
  while (reason.ends_with('.')) reason.pop_back();
  return reason.empty() ? "" : ": " + reason;
}

/// The share of the recent steps for which `condition` holds; 0 if there are too few.
template <class Condition>
double recent_share(const RunRecord& run, Condition condition) {
  if (run.recent.size() < kFewestSteps) return 0;
  const auto count = std::ranges::count_if(run.recent, condition);
  return static_cast<double>(count) / static_cast<double>(run.recent.size());
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

/// What OverfittingMonitor said last, with the step. Only evaluations of the same name and
/// provenance are compared.
std::optional<EventLine> said_of_overfitting(const RunRecord& run) {
  const bool keeps_best = !run.config.checkpoint.keep_best.empty();
  std::map<std::string, OverfittingMonitor> monitors;
  std::optional<EventLine> said;
  for (const EvaluationLine& line : run.evaluations) {
    auto& monitor =
        monitors.try_emplace(line.name + ", " + line.provenance, keeps_best).first->second;
    const std::string sentence = monitor.observe(line.step, line.figures);
    if (!sentence.empty()) said = {.step = line.step, .event = "warning", .reason = sentence};
  }
  return said;
}

/// The mean loss of a fifth of the run, and its standard error.
struct MeanLoss {
  double mean = 0, error = 0;
};

/// Fifth number 0 to 4 of `points`.
MeanLoss fifth_of(const std::vector<Point>& points, size_t number) {
  const size_t begin = points.size() * number / 5, end = points.size() * (number + 1) / 5;
  double sum = 0, squares = 0;
  for (size_t i = begin; i < end; ++i) sum += points[i].y;
  const auto count = static_cast<double>(end - begin);
  const double mean = sum / count;
  for (size_t i = begin; i < end; ++i) squares += (points[i].y - mean) * (points[i].y - mean);
  return {.mean = mean, .error = std::sqrt(squares / (count - 1) / count)};
}

/// How the loss changed from the last fifth but one to the last, as a part of it. A fall is
/// negative.
struct Trend {
  double change = 0, error = 0;
};

/// Nothing for a run that is short or not finished, and for a GAN, whose losses need not fall.
std::optional<Trend> final_trend(const RunRecord& run) {
  const DownsampledCurve* loss = run.curve("loss");
  if (loss == nullptr || !run.is_finished() || run.config.run.task == "gan_inpaint") return {};
  std::vector<Point> points = loss->means();
  std::erase_if(points, [](const Point& point) { return std::isnan(point.y); });
  if (points.size() < kFewestSteps) return std::nullopt;
  const MeanLoss before = fifth_of(points, 3), after = fifth_of(points, 4);
  const double size = std::abs(before.mean);
  if (size == 0) return std::nullopt;
  return Trend{.change = (after.mean - before.mean) / size,
               .error = std::hypot(before.error, after.error) / size};
}

}  // namespace

std::optional<Remark> overfitting(const RunRecord& run) {
  const auto said = said_of_overfitting(run);
  if (!said) return std::nullopt;
  return Remark{Kind::kProblem,
                fmt::format("Over-fitting at step {}: {}. Use the checkpoint of that step if there "
                            "is one (--step); more images or a smaller network help.",
                            said->step, said->reason)};
}

std::optional<Remark> warnings(const RunRecord& run) {
  constexpr size_t kMost = 5;
  const auto found = run.events.find("warning");
  if (found == run.events.end()) return std::nullopt;
  const auto overfits = said_of_overfitting(run);  // has a remark of its own
  std::vector<std::string> texts;
  std::set<std::string> seen;
  for (auto event = found->second.rbegin(); event != found->second.rend(); ++event) {
    if (overfits && event->reason == overfits->reason) continue;
    if (texts.size() == kMost || !seen.insert(event->reason).second) continue;
    texts.push_back(fmt::format("step {}{}", event->step, with_reason(*event)));
  }
  if (texts.empty()) return std::nullopt;
  return Remark{Kind::kProblem, fmt::format("The run warned {}: {}.", times(run.count("warning")),
                                            fmt::join(texts, "; "))};
}

std::optional<Remark> skipped_steps(const RunRecord& run) {
  const EventLine* last = newest(run, "nonfinite");
  if (last == nullptr) return std::nullopt;
  const int64_t count = run.count("nonfinite");
  return Remark{Kind::kProblem,
                fmt::format("{} {} skipped, the last one step {}: the loss or gradient was not "
                            "finite, so the weights did not change. Try a lower "
                            "optimizer.learning_rate{}.",
                            count, count == 1 ? "step was" : "steps were", last->step,
                            run.config.optimizer.clip_norm > 0 ? "" : ", or optimizer.clip_norm")};
}

std::optional<Remark> failed_checkpoints(const RunRecord& run) {
  const EventLine* last = newest(run, "checkpoint_failed");
  if (last == nullptr) return std::nullopt;
  return Remark{Kind::kProblem,
                fmt::format("A checkpoint could not be saved {}, last at step {}{}. Earlier "
                            "checkpoints are kept. Look at the space and the rights on the disk of "
                            "the run.",
                            times(run.count("checkpoint_failed")), last->step, with_reason(*last))};
}

std::optional<Remark> failed_samples(const RunRecord& run) {
  const EventLine* last = newest(run, "samples_failed");
  if (last == nullptr) return std::nullopt;
  return Remark{Kind::kProblem,
                fmt::format("A grid of samples could not be written {}, last at step {}{}. "
                            "gm_sample makes samples from a checkpoint.",
                            times(run.count("samples_failed")), last->step, with_reason(*last))};
}

std::optional<Remark> lost_lines(const RunRecord& run) {
  if (run.lost_lines == 0) return std::nullopt;
  return Remark{Kind::kProblem,
                fmt::format("{} lines of metrics.jsonl could not be written, before step {}: the "
                            "curves lack these steps, the weights do not. Look at the space on the "
                            "disk of the run.",
                            run.lost_lines, newest(run, "lines_lost")->step)};
}

std::optional<Remark> unreadable_lines(const RunRecord& run) {
  if (run.unreadable_lines == 0) return std::nullopt;
  return Remark{Kind::kProblem,
                fmt::format("{} lines of metrics.jsonl cannot be read and are left out. A disk or "
                            "a copy of the run may be damaged.",
                            run.unreadable_lines)};
}

std::optional<Remark> restarts(const RunRecord& run) {
  const EventLine* last = newest(run, "restarted");
  if (last == nullptr) return std::nullopt;
  return Remark{Kind::kAdvice,
                fmt::format("The run was started again {} by its launcher, last at step {}. The "
                            "result is that of an undisturbed run. The messages of the launcher "
                            "say why.",
                            times(run.restarts), last->step)};
}

std::optional<Remark> straggler(const RunRecord& run) {
  constexpr double kSlow = 1.5;
  std::map<int64_t, int64_t> slow_steps;  // by rank
  std::vector<double> ratios;
  for (const TrainLine& line : run.recent) {
    if (!(line.slowest_ratio > kSlow) || !(line.slowest_rank >= 0)) continue;
    slow_steps[static_cast<int64_t>(line.slowest_rank)] += 1;
    ratios.push_back(line.slowest_ratio);
  }
  const double share =
      recent_share(run, [](const TrainLine& line) { return line.slowest_ratio > kSlow; });
  if (share <= 0.5) return std::nullopt;
  const auto by_steps = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto slowest = std::ranges::max_element(slow_steps, by_steps);
  if (slowest == slow_steps.end()) return std::nullopt;
  return Remark{
      Kind::kAdvice,
      fmt::format("In {} of the last {} steps, up to step {}, one rank was more than {} times as "
                  "slow as the others: mostly rank {}, typically by a factor of {:.1f}. All ranks "
                  "wait for it in every step: look at what else runs on its machine.",
                  percent(share), run.recent.size(), run.recent.back().step, kSlow, slowest->first,
                  median(std::move(ratios)))};
}

std::optional<Remark> starved_of_data(const RunRecord& run) {
  constexpr double kStarved = 0.2;
  double data = 0, all = 0;
  for (const TrainLine& line : run.recent) {
    if (!std::isfinite(line.data_seconds) || !std::isfinite(line.step_seconds)) continue;
    data += line.data_seconds;
    all += line.step_seconds;
  }
  if (run.recent.size() < kFewestSteps || data <= kStarved * all) return std::nullopt;
  return Remark{Kind::kAdvice,
                fmt::format("The last {} steps, up to step {}, spent {} of their time waiting for "
                            "images. Put data.path on a faster disk, or raise data.prefetch.",
                            run.recent.size(), run.recent.back().step, percent(data / all))};
}

std::optional<Remark> always_clipped(const RunRecord& run) {
  constexpr double kAlmostAlways = 0.95;
  const double limit = run.config.optimizer.clip_norm;
  if (limit <= 0) return std::nullopt;
  const double share =
      recent_share(run, [&](const TrainLine& line) { return line.gradient_norm > limit; });
  if (share < kAlmostAlways) return std::nullopt;
  return Remark{Kind::kAdvice,
                fmt::format("The gradient was clipped in {} of the last {} steps, up to step {}: "
                            "its norm was over optimizer.clip_norm = {}, so that key decides the "
                            "length of each update. Raise it above the usual norm, so that only "
                            "outliers are clipped.",
                            percent(share), run.recent.size(), run.recent.back().step, limit)};
}

std::optional<Remark> still_falling(const RunRecord& run) {
  constexpr double kLeast = 0.01, kCertain = 3;  // of the loss; standard errors
  const auto trend = final_trend(run);
  if (!trend || trend->change > -std::max(kLeast, kCertain * trend->error)) return std::nullopt;
  const bool can_continue = run.config.optimizer.schedule == LearningRateSchedule::kConstant;
  return Remark{Kind::kAdvice,
                fmt::format("The loss was still falling at the end, step {}: by {:.1f} % from the "
                            "last fifth of the run but one to the last. Training longer should "
                            "help: {}.",
                            run.last_step, -100 * trend->change,
                            can_continue ? "a larger train.steps continues this run"
                                         : "start a run with a larger train.steps")};
}

std::optional<Remark> flat(const RunRecord& run) {
  constexpr double kLeast = 0.01, kCertain = 2;  // of the loss; standard errors
  const auto trend = final_trend(run);
  if (!trend || std::abs(trend->change) + kCertain * trend->error > kLeast) return std::nullopt;
  return Remark{Kind::kFact,
                fmt::format("The loss was flat at the end, step {}: it changed by less than {} in "
                            "the last two fifths of the run. More steps alone will hardly lower "
                            "it. Samples may still improve: compare their grids, or evaluate.",
                            run.last_step, percent(kLeast))};
}

std::vector<Remark> remarks_on(const RunRecord& run) {
  std::vector<Remark> remarks;
  for (const auto remark_on : {overfitting, warnings, skipped_steps, failed_checkpoints,
                               failed_samples, lost_lines, unreadable_lines, restarts, straggler,
                               starved_of_data, always_clipped, still_falling, flat}) {
    if (auto remark = remark_on(run)) remarks.push_back(std::move(*remark));
  }
  std::ranges::stable_sort(remarks, {}, &Remark::kind);
  return remarks;
}

}  // namespace gm
