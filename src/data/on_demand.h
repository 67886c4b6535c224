/// Resources that are opened on demand, with a limit on how many are open, because file descriptors
/// are limited.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace gm {

/// An `Opened` that is opened when it is needed. All objects of this type share a limit; beyond it,
/// the least recently used one is closed. Thread-safe.
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

  /// The result stays open as long as the caller holds it. Throws what the open function throws.
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
  /// Each may use two descriptors, and the process needs some for other purposes.
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
  static inline std::list<OnDemand*> recent_;  // open objects, most recently used first

  Open open_;
  std::shared_ptr<const Opened> opened_;
  typename std::list<OnDemand*>::iterator place_;
};

}  // namespace gm
