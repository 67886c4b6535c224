#include "comm/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "comm/roll_call.h"
#include "comm/world.h"

namespace gm {
namespace {

using std::chrono::duration;

/// How often a rank looks what the others say.
constexpr auto kLookInterval = std::chrono::milliseconds(200);
/// How long a late rank waits for the answers. Several intervals, for machines under load.
constexpr double kPatienceSeconds = 3;
/// How long a late rank lets a lower late rank speak and end the world before it does so itself.
constexpr auto kCourtesy = std::chrono::seconds(5);

}  // namespace

Watchdog::Clock::time_point Watchdog::Entry::deadline() const {
  if (limit_seconds == 0) return Clock::time_point::max();
  return since + std::chrono::duration_cast<Clock::duration>(duration<double>(limit_seconds));
}

std::string Watchdog::Entry::describe() const {
  const double seconds = duration<double>(Clock::now() - since).count();
  if (limit_seconds == 0) return fmt::format("{} since {:.1f} s", name, seconds);
  return fmt::format("{} since {:.1f} s (limit {:g} s)", name, seconds, limit_seconds);
}

Watchdog::Watchdog(World& world)
    : Watchdog(world, [](const std::string& reason) { end_world(kExitFailure, reason); }) {}

Watchdog::Watchdog(World& world, OnLate on_late)
    : rank_(world.rank()),
      size_(world.size()),
      roll_call_(world.roll_call()),
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

Watchdog::Section Watchdog::section(std::string_view name, double limit_seconds) {
  std::scoped_lock lock(mutex_);
  sections_.push_back({std::string(name), Clock::now(), limit_seconds});
  changed_.notify_all();
  return {this, std::prev(sections_.end())};
}

Watchdog::Section::Section(Section&& other) noexcept
    : watchdog_(std::exchange(other.watchdog_, nullptr)), entry_(other.entry_) {}

Watchdog::Section::~Section() {
  if (!watchdog_) return;
  std::scoped_lock lock(watchdog_->mutex_);
  watchdog_->sections_.erase(entry_);
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (const auto late = late_entry()) {
      const std::string where = whereabouts();
      lock.unlock();
      report(*late, where);
      return;
    }
    if (roll_call_) {
      roll_call_->answer([this] { return whereabouts(); });
      roll_call_->share_stop_signal();
    }
    changed_.wait_until(lock, next_look());
  }
}

Watchdog::Clock::time_point Watchdog::next_look() const {
  auto next = roll_call_ ? Clock::now() + kLookInterval : Clock::now() + std::chrono::hours(1);
  for (const Entry& entry : sections_) next = std::min(next, entry.deadline());
  return next;
}

std::optional<Watchdog::Entry> Watchdog::late_entry() const {
  const auto now = Clock::now();
  const auto late = std::find_if(sections_.begin(), sections_.end(),
                                 [&](const Entry& entry) { return entry.deadline() <= now; });
  return late == sections_.end() ? std::nullopt : std::optional(*late);
}

std::string Watchdog::whereabouts() const {
  if (sections_.empty()) return "in no watched section";
  std::string text = "in ";
  for (const Entry& entry : sections_) {
    text += (&entry == &sections_.front() ? "" : ", ") + entry.describe();
  }
  return text;
}

/// Says where every rank is, then what is late, and ends the world. If several ranks are late, as
/// they are when one does not come to a collective, the lowest of them speaks for all.
void Watchdog::report(const Entry& late, const std::string& where) {
  std::string reason = "late in " + late.describe();
  if (roll_call_) {
    const RollCall::Outcome outcome = roll_call_->ask(where, kPatienceSeconds);
    if (outcome.also_asked_by.value_or(size_) < rank_) std::this_thread::sleep_for(kCourtesy);
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
