/// Sums the gradients of all ranks, after the backward pass or while it runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace gm {

class Communicator;

/// A parameter, and where its gradient lies in the flat gradient buffer, in elements.
struct GradientSlice {
  at::Tensor parameter;
  int64_t offset;
  int64_t length;
};

/// Sums one flat gradient buffer over the ranks. For each backward pass of a step:
///
///     reducer.begin_step(/*synchronize=*/is_last_micro_batch);
///     loss.backward();
///     reducer.finish();
///
/// After the finish() of a synchronising pass the buffer holds the *sum* over all micro-batches and
/// ranks, the same on every rank to the last bit. The average is left to the optimizer, whose
/// gradient scale divides for free.
class GradientReducer {
 public:
  virtual ~GradientReducer() = default;
  /// Before a backward pass. Without `synchronize`, gradients only accumulate on this rank.
  virtual void begin_step(bool synchronize) = 0;
  /// After it. Returns when the sums are there. Gradients that the pass did not touch are summed as
  /// they are, so a parameter that only some ranks used is right as well.
  virtual void finish() = 0;
};

/// One all-reduce of the whole buffer in finish(). Simple, and what the others are compared with.
class NaiveReducer final : public GradientReducer {
 public:
  /// `gradients`: the flat buffer, [n], contiguous.
  NaiveReducer(Communicator& communicator, at::Tensor gradients);
  void begin_step(bool synchronize) override { synchronize_ = synchronize; }
  void finish() override;

 private:
  Communicator& communicator_;
  at::Tensor gradients_;
  bool synchronize_ = false;
};

/// Cuts the buffer into buckets and reduces each one as soon as its last gradient is there, while
/// the backward pass continues. The buffer is in the order of the forward pass, so buckets are made
/// and started from its end.
class BucketedReducer final : public GradientReducer {
 public:
  static constexpr int64_t kBucketBytes = 1 << 20;

  /// `gradients`: the flat buffer, [n], contiguous. `slices`: every parameter, in the order of
  /// their offsets, without overlap. A bucket holds whole parameters, `bucket_bytes` or more (the
  /// last one less). Hooks stay on the parameters as long as this object lives.
  BucketedReducer(Communicator& communicator, const at::Tensor& gradients,
                  const std::vector<GradientSlice>& slices, int64_t bucket_bytes = kBucketBytes);
  ~BucketedReducer() override;
  BucketedReducer(const BucketedReducer&) = delete;
  BucketedReducer& operator=(const BucketedReducer&) = delete;

  void begin_step(bool synchronize) override;
  void finish() override;
  int bucket_count() const;

 private:
  class Buckets;
  std::unique_ptr<Buckets> buckets_;
};

/// "bucketed" or "naive", as `train.reducer` names them. In a world of one it is always naive:
/// there is nothing to overlap.
std::unique_ptr<GradientReducer> make_gradient_reducer(std::string_view kind,
                                                       Communicator& communicator,
                                                       const at::Tensor& gradients,
                                                       const std::vector<GradientSlice>& slices);

}  // namespace gm
