#include "data/loader.h"

#include <ATen/ops/empty.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "data/read_images.h"
#include "data/sample_order.h"

namespace gm {

/// Makes batches on its own thread, at most `prefetch` ahead.
class ImageLoader::Worker {
 public:
  Worker(std::shared_ptr<const ImageDataset> dataset, const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        options_(options),
        order_(dataset_->size(), options.shards, options.batch_size, options.seed),
        augmentation_(dataset_->shape(), options.augmentation, options.seed),
        pixels_(static_cast<size_t>(dataset_->shape().bytes())),
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
        Batch batch = make_batch(m, stop);
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

  Batch make_batch(int64_t micro_batch, const std::stop_token& stop) {
    const auto& shape = dataset_->shape();
    const int64_t count = options_.batch_size / options_.ranks;
    const int64_t first = micro_batch * options_.batch_size + options_.rank * count;
    Batch batch;
    batch.images =
        at::empty({count, shape.channels, shape.height, shape.width},
                  at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
    batch.positions = at::empty({count}, at::kLong);
    if (dataset_->has_labels()) batch.labels = at::empty({count}, at::kLong);
    for (int64_t i = 0; i < count && !stop.stop_requested(); ++i) fill(batch, i, first + i);
    return batch;
  }

  /// Entry `i` of the batch is the image at global position `position`.
  void fill(Batch& batch, int64_t i, int64_t position) {
    const int64_t index = order_.index_at(position);
    dataset_->read_image(index, pixels_);
    augmentation_.apply(pixels_, static_cast<uint64_t>(position));
    scale_pixels(pixels_, batch.images.data_ptr<float>() + i * dataset_->shape().bytes());
    batch.positions.data_ptr<int64_t>()[i] = position;
    if (batch.labels.defined()) batch.labels.data_ptr<int64_t>()[i] = dataset_->label(index);
  }

  std::shared_ptr<const ImageDataset> dataset_;
  LoaderOptions options_;
  SampleOrder order_;
  Augmentation augmentation_;
  std::vector<uint8_t> pixels_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it stops before the members that it uses are destroyed
};

ImageLoader::ImageLoader(std::shared_ptr<const ImageDataset> dataset,
                         const LoaderOptions& options) {
  check_divisible(dataset->size(), options.shards, options.batch_size, options.ranks);
  worker_ = std::make_unique<Worker>(std::move(dataset), options);
}

ImageLoader::~ImageLoader() = default;

Batch ImageLoader::next() { return worker_->next(); }

}  // namespace gm
