#include "data/loader.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>

namespace gm {

/// Makes batches on its own thread, at most `prefetch` ahead.
class Loader::Worker {
 public:
  Worker(std::unique_ptr<const SampleOrder> order, std::unique_ptr<BatchReader> reader,
         const Options& options)
      : order_(std::move(order)),
        reader_(std::move(reader)),
        options_(options),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  Batch next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
    if (ready_.empty()) std::rethrow_exception(failure_);
    Batch batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  void run(const std::stop_token& stop) {
    try {
      for (int64_t m = options_.first_micro_batch; !stop.stop_requested(); ++m) {
        Batch batch = reader_->read(order_->samples_of(m), stop);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop,
                      [this] { return static_cast<int64_t>(ready_.size()) < options_.prefetch; });
        if (stop.stop_requested()) return;
        ready_.push_back(std::move(batch));
        changed_.notify_all();
      }
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  std::unique_ptr<const SampleOrder> order_;
  std::unique_ptr<BatchReader> reader_;
  Options options_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it stops before the members that it uses are destroyed
};

Loader::Loader(std::unique_ptr<const SampleOrder> order, std::unique_ptr<BatchReader> reader,
               const Options& options)
    : worker_(std::make_unique<Worker>(std::move(order), std::move(reader), options)) {}

Loader::~Loader() = default;

Batch Loader::next() { return worker_->next(); }

}  // namespace gm
