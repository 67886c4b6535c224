#include "comm/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "comm/rank_status.h"
#include "comm/world.h"

namespace gm {
namespace {

/// How often a rank checks its deadlines and the messages of other ranks.
constexpr std::chrono::duration<double> kPollInterval{0.2};
/// How long a late rank waits for the answers. Several intervals, for machines under load.
constexpr double kPatienceSeconds = 3;
/// How long a late rank waits for a lower late rank to report and to end the world.
constexpr auto kLowerRankWait = std::chrono::seconds(5);
constexpr auto kBeforeTheEnd = std::chrono::seconds(2);

/// Calls `act`, which may block for ever, on another thread, and waits for it for a while. What it
/// throws is ignored: the world ends for a better reason.
void call_before_the_end(const std::function<void()>& act) {
  std::packaged_task<void()> task(act);
  const std::future<void> done = task.get_future();
  std::thread(std::move(task)).detach();
  done.wait_for(kBeforeTheEnd);
}

}  // namespace

double Watchdog::Entry::deadline() const {
  return limit_seconds == 0 ? std::numeric_limits<double>::infinity() : since + limit_seconds;
}

std::string Watchdog::Entry::describe(double now) const {
  const double seconds = now - since;
  if (limit_seconds == 0) return fmt::format("{} for {:.1f} s", name, seconds);
  return fmt::format("{} for {:.1f} s (limit {:g} s)", name, seconds, limit_seconds);
}

Watchdog::Watchdog(World& world)
    : Watchdog(world, [](const std::string& reason) { end_world(kExitFailure, reason); }) {}

Watchdog::Watchdog(World& world, OnLate on_late)
    : rank_(world.rank()),
      size_(world.size()),
      rank_status_(world.rank_status()),
      on_late_(std::move(on_late)),
      thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Watchdog::Section Watchdog::section(std::string_view name, double limit_seconds,
                                    std::function<void()> if_late) {
  std::scoped_lock lock(mutex_);
  sections_.push_back({std::string(name), time_.seconds(), limit_seconds, std::move(if_late)});
  changed_.notify_all();
  return {this, std::prev(sections_.end())};
}

double Watchdog::margin_seconds() {
  std::scoped_lock lock(mutex_);
  double deadline = std::numeric_limits<double>::infinity();
  for (const Entry& entry : sections_) deadline = std::min(deadline, entry.deadline());
  return deadline - time_.seconds();
}

Watchdog::Section::Section(Section&& other) noexcept
    : watchdog_(std::exchange(other.watchdog_, nullptr)), entry_(other.entry_) {}

Watchdog::Section::~Section() {
  if (!watchdog_) return;
  std::scoped_lock lock(watchdog_->mutex_);
  watchdog_->sections_.erase(entry_);
}

double Watchdog::Section::seconds() const {
  std::scoped_lock lock(watchdog_->mutex_);
  return watchdog_->time_.seconds() - entry_->since;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const double now = time_.seconds();
    if (const auto late = late_entry(now)) {
      const std::string what = late->describe(now), where = active_sections(now);
      lock.unlock();
      if (late->if_late) call_before_the_end(late->if_late);
      report(what, where);
      return;
    }
    if (rank_status_) {
      rank_status_->answer([&] { return active_sections(now); });
      rank_status_->share_stop_signal();
    }
    changed_.wait_for(lock, until_next_look(now));
  }
}

std::chrono::duration<double> Watchdog::until_next_look(double now) const {
  auto next = kPollInterval;
  for (const Entry& entry : sections_) {
    next = std::min(next, std::chrono::duration<double>(entry.deadline() - now));
  }
  return next;
}

std::optional<Watchdog::Entry> Watchdog::late_entry(double now) const {
  const auto late = std::find_if(sections_.begin(), sections_.end(),
                                 [&](const Entry& entry) { return entry.deadline() <= now; });
  return late == sections_.end() ? std::nullopt : std::optional(*late);
}

std::string Watchdog::active_sections(double now) const {
  if (sections_.empty()) return "in no watched section";
  std::string text = "in ";
  for (const Entry& entry : sections_) {
    text += (&entry == &sections_.front() ? "" : ", ") + entry.describe(now);
  }
  return text;
}

/// Logs where every rank is and what is late, and ends the world. If several ranks are late, for
/// example because one does not reach a collective, the lowest of them reports.
void Watchdog::report(const std::string& late, const std::string& where) {
  std::string reason = "late in " + late;
  if (rank_status_) {
    const RankStatus::Outcome outcome = rank_status_->ask(where, kPatienceSeconds);
    if (outcome.also_asked_by.value_or(size_) < rank_) std::this_thread::sleep_for(kLowerRankWait);
    std::string silent;
    for (int rank = 0; rank < size_; ++rank) {
      if (rank == rank_) {
        log_error("rank {} is {}", rank, where);
      } else if (outcome.answers.contains(rank)) {
        log_error("rank {} is {}", rank, outcome.answers.at(rank));
      } else {
        log_error("rank {} does not answer: stopped, busy in the kernel, or cut off", rank);
        silent += fmt::format("{}{}", silent.empty() ? "" : ", ", rank);
      }
    }
    if (!silent.empty()) reason += "; no answer from rank " + silent;
  }
  on_late_(reason);
}

}  // namespace gm
