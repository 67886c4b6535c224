/// The time limit of a training step. Under a launcher that starts a failed world again it follows
/// the speed of the run, so that a frozen rank costs seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace gm {

/// A rank is frozen when a step takes ten usual steps (their median), and at least ten seconds. A
/// step after a pause, in which a checkpoint is written or caches are cold, may take three times as
/// long. The configured limit holds for the first steps, whose usual time is not known, and is
/// never exceeded.
///
/// Whether a world was ended rightly shows in the next one, which computes the late step again with
/// twice its limit, up to the configured one: if the step needs more than its old limit, that was a
/// false alarm, and the run keeps the doubled limit.
class StepLimit {
 public:
  /// What the worlds of a run tell each other.
  struct Memory {
    double shortest_seconds = 10;  ///< The limit of a step is never shorter.
    int64_t late_step = 0;         ///< A world was ended in this step; 0 for none.
    double late_seconds = 0;       ///< The limit that the step had then.

    bool operator==(const Memory&) const = default;
  };
  /// Keeps the memory for the next world. Called on any rank and thread.
  using Keep = std::function<void(const Memory&)>;

  /// Always `configured` seconds; 0 for no limit.
  explicit StepLimit(double configured) : configured_(configured) {}
  /// The limit that follows the speed, up to `configured` seconds. 0 switches it off as well.
  StepLimit(double configured, const Memory& memory, Keep keep)
      : configured_(configured),
        follows_speed_(configured > 0),
        memory_(memory),
        keep_(std::move(keep)) {}

  /// Of step `step`, in seconds; 0 for no limit.
  double seconds(int64_t step) const;
  /// `step` took so many seconds. Returns whether an earlier world was wrongly ended in it: the
  /// memory() has changed.
  bool record(int64_t step, double seconds);
  /// Work that is not part of a step has come between two steps.
  void pause() { paused_ = true; }

  const Memory& memory() const { return memory_; }
  /// The memory for the next world if `step` is late.
  Memory after_late(int64_t step) const;
  /// Keeps it. Uses nothing of this object, which may end before.
  std::function<void()> if_late(int64_t step) const;
  void keep(const Memory& memory) const {
    if (keep_) keep_(memory);
  }

 private:
  double configured_;
  bool follows_speed_ = false;
  Memory memory_;
  Keep keep_;
  bool paused_ = false;
  std::vector<double> recent_;  ///< Seconds of the last steps, as a ring.
  size_t steps_ = 0;
};

}  // namespace gm
