/// Parallel work with results in order and a limited number of finished results.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace gm {

/// For i = 0 .. count-1: `pick(i)` returns a piece of work and is called in order, by one thread at
/// a time; the work runs on one of `jobs` threads; `take(result)` is called with the results in
/// order, on the calling thread. At most `window` results wait to be taken. An exception of pick,
/// of the work or of take is rethrown to the caller after all threads have stopped; of several, the
/// first one in order.
template <typename Result>
class OrderedWork {
 public:
  using Work = std::function<Result()>;

  OrderedWork(int64_t count, int64_t window, std::function<Work(int64_t)> pick)
      : count_(count), slots_(static_cast<size_t>(window)), pick_(std::move(pick)) {}

  void run(int jobs, const std::function<void(Result)>& take) {
    std::vector<std::jthread> threads;
    const StopAtExit stop_before_joining{*this};
    for (int j = 0; j < jobs; ++j) threads.emplace_back([this] { work(); });
    for (int64_t i = 0; i < count_; ++i) take(result(i));
  }

 private:
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr failure;
    bool is_ready() const { return result || failure; }
  };
  struct StopAtExit {
    OrderedWork& work;
    ~StopAtExit() { work.stop(); }
  };

  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    room_.notify_all();
  }

  Slot& slot(int64_t i) { return slots_[static_cast<size_t>(i) % slots_.size()]; }

  Result result(int64_t i) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return slot(i).is_ready(); });
    Slot taken = std::exchange(slot(i), {});
    taken_ = i + 1;
    room_.notify_one();
    lock.unlock();
    if (taken.failure) std::rethrow_exception(taken.failure);
    return std::move(*taken.result);
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [this] { return stopped_ || picked_ == count_ || has_room(); });
      if (stopped_ || picked_ == count_) break;
      const int64_t i = picked_++;
      Slot done;
      try {
        const Work piece = pick_(i);
        lock.unlock();
        done.result = piece();
      } catch (...) {
        done.failure = std::current_exception();
      }
      if (!lock.owns_lock()) lock.lock();
      slot(i) = std::move(done);
      if (i == taken_) ready_.notify_one();
    }
    room_.notify_all();
  }

  bool has_room() const { return picked_ < taken_ + static_cast<int64_t>(slots_.size()); }

  const int64_t count_;
  std::vector<Slot> slots_;
  std::function<Work(int64_t)> pick_;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  int64_t picked_ = 0, taken_ = 0;
  bool stopped_ = false;
};

}  // namespace gm
