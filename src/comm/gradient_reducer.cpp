#include "comm/gradient_reducer.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <chrono>
#include <utility>

#include "base/error.h"
#include "comm/collectives.h"

namespace gm {
namespace {

using Clock = std::chrono::steady_clock;

Reduction reduction_since(Clock::time_point start, const at::Tensor& gradients) {
  return {.bytes = static_cast<int64_t>(gradients.nbytes()),
          .seconds = std::chrono::duration<double>(Clock::now() - start).count()};
}

}  // namespace

NaiveReducer::NaiveReducer(Collectives& collectives, at::Tensor gradients)
    : collectives_(collectives), gradients_(std::move(gradients)) {}

Reduction NaiveReducer::finish() {
  if (!std::exchange(synchronize_, false) || collectives_.size() == 1) return {};
  const auto start = Clock::now();
  collectives_.all_reduce_sum(gradients_);
  return reduction_since(start, gradients_);
}

/// The state that the hooks of the parameters share.
///
/// Everything happens on the thread of the backward pass: a hook starts the reductions that are
/// ready and lets MPI make progress. A separate communication thread would spin in MPI on a core
/// that the backward pass needs. Measurements showed that this costs more than it hides.
class BucketedReducer::Buckets {
 public:
  Buckets(Collectives& collectives, const at::Tensor& gradients,
          const std::vector<GradientSlice>& slices, int64_t bucket_bytes)
      : collectives_(collectives), gradients_(gradients) {
    cut(gradients, slices, bucket_bytes);
  }

  ~Buckets() {
    for (const Hook& hook : hooks_) hook.accumulator->del_post_hook(hook.key);
  }

  int count() const { return static_cast<int>(buckets_.size()); }

  void begin_step(bool synchronize) {
    if (synchronize_)
      throw Error("begin_step() was called before the finish() of the previous step");
    synchronize_ = synchronize;
    started_ = completed_ = 0;
    for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
  }

  Reduction finish() {
    if (!std::exchange(synchronize_, false)) return {};
    while (started_ < buckets_.size()) start_next();
    for (Bucket& bucket : buckets_) {
      bucket.reduction->wait();
      bucket.reduction.reset();
    }
    return reduction_since(first_start_, gradients_);
  }

 private:
  struct Bucket {
    at::Tensor gradients;
    int parameters = 0;
    int missing = 0;
    std::unique_ptr<PendingReduction> reduction;
  };
  struct Hook {
    std::shared_ptr<torch::autograd::Node> accumulator;  // A tensor holds it only weakly.
    uintptr_t key;
  };

  /// Makes buckets from the end of the buffer to its start. They cover all of it, including gaps.
  void cut(const at::Tensor& gradients, const std::vector<GradientSlice>& slices,
           int64_t bucket_bytes) {
    int64_t end = gradients.numel();
    Bucket bucket;
    for (size_t i = slices.size(); i-- > 0;) {
      const int64_t begin = i == 0 ? 0 : slices[i].offset;
      ++bucket.parameters;
      watch(slices[i].parameter, buckets_.size());
      if ((end - begin) * gradients.element_size() < bucket_bytes && i > 0) continue;
      bucket.gradients = gradients.slice(0, begin, end);
      buckets_.push_back(std::exchange(bucket, {}));
      end = begin;
    }
  }

  void watch(const at::Tensor& parameter, size_t bucket) {
    using torch::autograd::variable_list;
    auto accumulator = torch::autograd::impl::grad_accumulator(parameter);
    if (!accumulator) throw Error("a parameter to be reduced does not require a gradient");
    const auto hook = [this, bucket](const variable_list& outputs, const variable_list&) {
      gradient_arrived(buckets_[bucket]);
      return outputs;
    };
    const auto key =
        accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(hook));
    hooks_.push_back({std::move(accumulator), key});
  }

  void gradient_arrived(Bucket& bucket) {
    if (!synchronize_) return;
    if (bucket.missing == 0) {
      throw Error(
          "a gradient changed after its bucket was reduced: two backward passes reached "
          "one parameter between begin_step(true) and finish()");
    }
    --bucket.missing;
    while (started_ < buckets_.size() && buckets_[started_].missing == 0) start_next();
    while (completed_ < started_ && buckets_[completed_].reduction->poll()) ++completed_;
  }

  /// Always in the order of the buckets: the order in which gradients arrive may differ between
  /// ranks, and ranks that start collectives in different orders would sum different buckets.
  void start_next() {
    if (started_ == 0) first_start_ = Clock::now();
    Bucket& bucket = buckets_[started_++];
    bucket.reduction = collectives_.start_all_reduce_sum(bucket.gradients);
  }

  Collectives& collectives_;
  at::Tensor gradients_;
  std::vector<Bucket> buckets_;
  std::vector<Hook> hooks_;
  bool synchronize_ = false;
  Clock::time_point first_start_;
  size_t started_ = 0;
  size_t completed_ = 0;
};

BucketedReducer::BucketedReducer(Collectives& collectives, const at::Tensor& gradients,
                                 const std::vector<GradientSlice>& slices, int64_t bucket_bytes)
    : buckets_(std::make_unique<Buckets>(collectives, gradients, slices, bucket_bytes)) {}

BucketedReducer::~BucketedReducer() = default;

void BucketedReducer::begin_step(bool synchronize) { buckets_->begin_step(synchronize); }

Reduction BucketedReducer::finish() { return buckets_->finish(); }

int BucketedReducer::bucket_count() const { return buckets_->count(); }

std::unique_ptr<GradientReducer> make_gradient_reducer(ReducerKind kind, Collectives& collectives,
                                                       const at::Tensor& gradients,
                                                       const std::vector<GradientSlice>& slices) {
  if (kind == ReducerKind::kNaive || collectives.size() == 1) {
    return std::make_unique<NaiveReducer>(collectives, gradients);
  }
  return std::make_unique<BucketedReducer>(collectives, gradients, slices);
}

}  // namespace gm
