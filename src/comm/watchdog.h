/// Ends the whole world when a part of the run takes too long: nothing outside detects a rank that
/// hangs, and the other ranks would wait for it in a collective forever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/running_time.h"

namespace gm {

class RankStatus;
class World;

/// A thread that watches named sections of the program, each with its own time limit:
///
///     {
///       const auto section = watchdog.section("checkpoint", config.checkpoint_seconds);
///       ...
///     }
///
/// Sections nest and may be opened by several threads. When one is late, the watchdog asks the
/// watchdogs of the other ranks where they are, prints the answers (and which ranks do not answer),
/// and ends the world with status 1.
///
/// Time in which this process is stopped does not count: a job that is suspended as a whole may
/// continue at any time. If one rank is stopped while the others run, the others become late.
class Watchdog {
 public:
  /// Called once, from the watchdog's thread, with what is late.
  using OnLate = std::function<void(const std::string& reason)>;
  class Section;

  /// Every rank makes one. `world` must outlive it. Its thread also forwards stop signals to the
  /// other ranks.
  explicit Watchdog(World& world);
  /// Calls `on_late` instead of ending the world: for tests.
  Watchdog(World& world, OnLate on_late);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Watches from now on, until the section is destroyed. With a limit of 0 the section is never
  /// late, but it is named in the answers to other ranks. `if_late` is called before the world
  /// ends, which waits for it for at most two seconds. It has a thread of its own, which may
  /// outlive the section: it must own all that it uses.
  [[nodiscard]] Section section(std::string_view name, double limit_seconds,
                                std::function<void()> if_late = {});

  /// Seconds until the first of the sections is late; infinity if none has a limit.
  double margin_seconds();

 private:
  struct Entry {
    std::string name;
    double since;  ///< In seconds of `time_`.
    double limit_seconds;
    std::function<void()> if_late;

    double deadline() const;
    std::string describe(double now) const;
  };

  void watch();
  std::chrono::duration<double> until_next_look(double now) const;
  std::optional<Entry> late_entry(double now) const;
  std::string active_sections(double now) const;
  void report(const std::string& late, const std::string& where);

  int rank_;
  int size_;
  RankStatus* rank_status_;
  OnLate on_late_;
  std::mutex mutex_;
  std::condition_variable changed_;
  RunningTime time_;
  std::list<Entry> sections_;
  bool stopping_ = false;
  std::thread thread_;
};

/// A part of the program that is being watched.
class Watchdog::Section {
 public:
  Section(Section&& other) noexcept;
  Section& operator=(Section&&) = delete;
  ~Section();

  /// Since it was opened, without time in which this process was stopped.
  double seconds() const;

 private:
  friend class Watchdog;
  Section(Watchdog* watchdog, std::list<Entry>::iterator entry)
      : watchdog_(watchdog), entry_(entry) {}

  Watchdog* watchdog_;
  std::list<Entry>::iterator entry_;
};

}  // namespace gm
