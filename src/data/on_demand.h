/// Things of which a process may have only so many open at a time, as descriptors are few.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace gm {

/// What `Opened` stands for, opened when it is needed: all things of this kind share the places
/// that the process has, and those that were used last hold them. May be used from several threads.
template <class Opened>
class OnDemand {
 public:
  using Open = std::function<std::shared_ptr<const Opened>()>;

  explicit OnDemand(Open open) : open_(std::move(open)) {}
  ~OnDemand() {
    const std::scoped_lock lock(mutex_);
    if (opened_) recent_.erase(place_);
  }
  OnDemand(const OnDemand&) = delete;
  OnDemand& operator=(const OnDemand&) = delete;

  /// Stays open as long as the caller holds it. Throws what opening throws.
  std::shared_ptr<const Opened> get() {
    const std::scoped_lock lock(mutex_);
    if (opened_) {
      recent_.splice(recent_.begin(), recent_, place_);
    } else {
      while (recent_.size() >= most_open()) close_last();
      opened_ = open_();
      place_ = recent_.insert(recent_.begin(), this);
    }
    return opened_;
  }

 private:
  /// Each may take two descriptors, and the process needs some for other ends.
  static size_t most_open() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    return std::max<size_t>(1, limit.rlim_cur / 3);
  }

  static void close_last() {
    recent_.back()->opened_.reset();
    recent_.pop_back();
  }

  static inline std::mutex mutex_;
  static inline std::list<OnDemand*> recent_;  // the open ones, the one that was used last first

  Open open_;
  std::shared_ptr<const Opened> opened_;
  typename std::list<OnDemand*>::iterator place_;
};

}  // namespace gm
