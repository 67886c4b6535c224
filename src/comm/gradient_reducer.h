/// Sums the gradients of all ranks, after the backward pass or while it runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "comm/reducer_kind.h"

namespace gm {

class Collectives;

/// A parameter, and the position of its gradient in the flat gradient buffer, in elements.
struct GradientSlice {
  at::Tensor parameter;
  int64_t offset;
  int64_t length;
};

/// What a pass summed over the ranks; nothing in a world of one.
struct Reduction {
  int64_t bytes = 0;
  double seconds = 0;  ///< From the start of the first all-reduce to the end of the last.
};

/// Sums one flat gradient buffer over the ranks. For each backward pass of a step:
///
///     reducer.begin_step(/*synchronize=*/is_last_micro_batch);
///     loss.backward();
///     reducer.finish();
///
/// After the finish() of a synchronizing pass the buffer holds the *sum* over all micro-batches and
/// ranks, bit-identical on every rank. The optimizer makes the average of it with its gradient
/// scale, at no extra cost.
class GradientReducer {
 public:
  virtual ~GradientReducer() = default;
  /// Before a backward pass. Without `synchronize`, gradients only accumulate on this rank.
  virtual void begin_step(bool synchronize) = 0;
  /// After a backward pass. Returns when the sums are complete. Gradients that the pass did not
  /// touch are summed as they are, so the sum is also right for a parameter that only some ranks
  /// used.
  virtual Reduction finish() = 0;
};

/// One all-reduce of the whole buffer in finish(). Simple: the reference for the other reducers.
class NaiveReducer final : public GradientReducer {
 public:
  /// `gradients`: the flat buffer, [n], contiguous.
  NaiveReducer(Collectives& collectives, at::Tensor gradients);
  void begin_step(bool synchronize) override { synchronize_ = synchronize; }
  Reduction finish() override;

 private:
  Collectives& collectives_;
  at::Tensor gradients_;
  bool synchronize_ = false;
};

/// Divides the buffer into buckets and reduces each one as soon as its last gradient is ready,
/// while the backward pass continues. The buffer is in the order of the forward pass, so buckets
/// are made and started from its end.
class BucketedReducer final : public GradientReducer {
 public:
  static constexpr int64_t kBucketBytes = 1 << 20;

  /// `gradients`: the flat buffer, [n], contiguous. `slices`: every parameter, in the order of
  /// their offsets, without overlap. A bucket holds whole parameters, `bucket_bytes` or more (the
  /// last bucket may be smaller). The parameters keep their hooks as long as this object lives.
  BucketedReducer(Collectives& collectives, const at::Tensor& gradients,
                  const std::vector<GradientSlice>& slices, int64_t bucket_bytes = kBucketBytes);
  ~BucketedReducer() override;
  BucketedReducer(const BucketedReducer&) = delete;
  BucketedReducer& operator=(const BucketedReducer&) = delete;

  void begin_step(bool synchronize) override;
  Reduction finish() override;
  int bucket_count() const;

 private:
  class Buckets;
  std::unique_ptr<Buckets> buckets_;
};

/// In a world of one it is always the naive one: there is nothing to overlap.
std::unique_ptr<GradientReducer> make_gradient_reducer(ReducerKind kind, Collectives& collectives,
                                                       const at::Tensor& gradients,
                                                       const std::vector<GradientSlice>& slices);

}  // namespace gm
