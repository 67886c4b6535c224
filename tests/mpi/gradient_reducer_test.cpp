// Compares the reducers with each other and with gradients that one process computes for all ranks.
#include "comm/gradient_reducer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tanh.h>
#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/error.h"
#include "comm/communicator.h"
#include "support/test_world.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr int64_t kLayers = 6;
constexpr int64_t kWidth = 24;
constexpr int64_t kBucketBytes = 4096;

at::Tensor counter_randn(at::IntArrayRef shape, uint64_t seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
}

/// A chain of matrix products, the same on every rank. The forward pass skips layer `skipped`.
struct Chain {
  NamedTensors parameters;

  Chain() {
    for (int64_t i = 0; i < kLayers; ++i) {
      at::Tensor weight = counter_randn({kWidth, kWidth}, static_cast<uint64_t>(100 + i)).mul_(0.2);
      parameters.emplace_back("layer" + std::to_string(i), weight.set_requires_grad(true));
    }
  }

  at::Tensor loss(const at::Tensor& input, int64_t skipped = -1) const {
    at::Tensor x = input;
    for (int64_t i = 0; i < kLayers; ++i) {
      if (i != skipped) x = at::tanh(at::mm(x, parameters[i].second)) + x;
    }
    return x.square().sum();
  }
};

at::Tensor input_of(int64_t rank, int64_t micro_batch) {
  return counter_randn({5, kWidth}, static_cast<uint64_t>(1000 + 10 * rank + micro_batch));
}

class GradientReducerTest : public testing::Test {
 protected:
  World& world() { return test_world(); }
  Communicator& ranks() { return test_world().communicator(); }

  /// The flat gradient after `micro_batches` backward passes. Only the last one synchronises.
  at::Tensor reduced(ReducerKind kind, int64_t micro_batches,
                     const std::map<int64_t, int64_t>& skipped_by_rank = {}) {
    Chain chain;
    FlatParameters flat(chain.parameters);
    const auto reducer = reducer_of(kind, flat);
    const auto skipped = skipped_by_rank.find(world().rank());
    for (int64_t m = 0; m < micro_batches; ++m) {
      reducer->begin_step(m + 1 == micro_batches);
      chain
          .loss(input_of(world().rank(), m),
                skipped == skipped_by_rank.end() ? -1 : skipped->second)
          .backward();
      reducer->finish();
    }
    return flat.gradients().clone();
  }

  std::unique_ptr<GradientReducer> reducer_of(ReducerKind kind, FlatParameters& flat) {
    if (kind == ReducerKind::kNaive)
      return std::make_unique<NaiveReducer>(ranks(), flat.gradients());
    return std::make_unique<BucketedReducer>(ranks(), flat.gradients(), flat.gradient_slices(),
                                             kBucketBytes);
  }

  /// The gradient of one process that computes the losses of all ranks.
  at::Tensor of_one_process(int64_t micro_batches,
                            const std::map<int64_t, int64_t>& skipped_by_rank = {}) {
    Chain chain;
    FlatParameters flat(chain.parameters);
    for (int64_t rank = 0; rank < world().size(); ++rank) {
      const auto skipped = skipped_by_rank.find(rank);
      for (int64_t m = 0; m < micro_batches; ++m) {
        chain.loss(input_of(rank, m), skipped == skipped_by_rank.end() ? -1 : skipped->second)
            .backward();
      }
    }
    return flat.gradients().clone();
  }

  void expect_equal_on_all_ranks(const at::Tensor& gradients) {
    const at::Tensor all = ranks().all_gather(gradients);
    for (int64_t r = 1; r < world().size(); ++r) EXPECT_TRUE(all[r].equal(all[0])) << r;
  }

  void expect_close(const at::Tensor& actual, const at::Tensor& expected) {
    EXPECT_TRUE(at::allclose(actual, expected, /*rtol=*/1e-5, /*atol=*/1e-5))
        << (actual - expected).abs().max();
  }
};

TEST_F(GradientReducerTest, BothReducersComputeTheGradientOfOneProcess) {
  const at::Tensor expected = of_one_process(1);
  for (const ReducerKind kind : {ReducerKind::kNaive, ReducerKind::kBucketed}) {
    SCOPED_TRACE(name_of(kind));
    const at::Tensor gradients = reduced(kind, 1);
    expect_close(gradients, expected);
    expect_equal_on_all_ranks(gradients);
  }
}

TEST_F(GradientReducerTest, MicroBatchesAccumulate) {
  const at::Tensor expected = of_one_process(3);
  expect_close(reduced(ReducerKind::kNaive, 3), expected);
  expect_close(reduced(ReducerKind::kBucketed, 3), expected);
}

TEST_F(GradientReducerTest, NaiveAndBucketedReducerAgree) {
  const at::Tensor naive = reduced(ReducerKind::kNaive, 2);
  const at::Tensor bucketed = reduced(ReducerKind::kBucketed, 2);
  if (world().size() <= 2) {
    EXPECT_TRUE(bucketed.equal(naive));  // One addition per element, in any order.
  } else {
    expect_close(bucketed, naive);
  }
}

TEST_F(GradientReducerTest, IsBitwiseReproducible) {
  const at::Tensor first = reduced(ReducerKind::kBucketed, 2);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(reduced(ReducerKind::kBucketed, 2).equal(first));
}

TEST_F(GradientReducerTest, GradientOfAnUnusedParameterStaysZero) {
  std::map<int64_t, int64_t> skipped;
  for (int64_t r = 0; r < world().size(); ++r) skipped[r] = 2;
  const at::Tensor gradients = reduced(ReducerKind::kBucketed, 1, skipped);
  expect_close(gradients, of_one_process(1, skipped));
  EXPECT_EQ(gradients.narrow(0, 2 * kWidth * kWidth, kWidth * kWidth).count_nonzero().item<int>(),
            0);
}

TEST_F(GradientReducerTest, RanksMayUseDifferentParameters) {
  std::map<int64_t, int64_t> skipped;
  for (int64_t r = 0; r < world().size(); r += 2) skipped[r] = kLayers - 1 - r;
  const at::Tensor gradients = reduced(ReducerKind::kBucketed, 1, skipped);
  expect_close(gradients, of_one_process(1, skipped));
  expect_equal_on_all_ranks(gradients);
}

TEST_F(GradientReducerTest, OnlyTheLastMicroBatchSynchronises) {
  Chain chain;
  FlatParameters flat(chain.parameters);
  const auto reducer = reducer_of(ReducerKind::kBucketed, flat);
  reducer->begin_step(false);
  chain.loss(input_of(world().rank(), 0)).backward();
  reducer->finish();

  Chain alone;
  FlatParameters expected(alone.parameters);
  alone.loss(input_of(world().rank(), 0)).backward();
  EXPECT_TRUE(flat.gradients().equal(expected.gradients()));
}

TEST_F(GradientReducerTest, OnlyTheLastMicroBatchTellsWhatWasSummed) {
  if (world().size() == 1) return;  // a world of one sums nothing
  for (const ReducerKind kind : {ReducerKind::kNaive, ReducerKind::kBucketed}) {
    SCOPED_TRACE(name_of(kind));
    Chain chain;
    FlatParameters flat(chain.parameters);
    const auto reducer = reducer_of(kind, flat);
    const auto start = std::chrono::steady_clock::now();
    for (const bool is_last : {false, true}) {
      reducer->begin_step(is_last);
      chain.loss(input_of(world().rank(), 0)).backward();
      const Reduction reduction = reducer->finish();
      EXPECT_EQ(reduction.bytes, is_last ? flat.gradients().numel() * 4 : 0);
      EXPECT_EQ(reduction.seconds > 0, is_last);
      const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
      EXPECT_LT(reduction.seconds, whole.count());
    }
  }
}

TEST_F(GradientReducerTest, BucketsHoldWholeParameters) {
  Chain chain;
  FlatParameters flat(chain.parameters);
  const int64_t parameter_bytes = kWidth * kWidth * 4;
  const auto count = [&](int64_t bucket_bytes) {
    return BucketedReducer(ranks(), flat.gradients(), flat.gradient_slices(), bucket_bytes)
        .bucket_count();
  };
  EXPECT_EQ(count(1), kLayers);
  EXPECT_EQ(count(parameter_bytes), kLayers);
  EXPECT_EQ(count(parameter_bytes + 1), kLayers / 2);
  EXPECT_EQ(count(4 * parameter_bytes), 2);
  EXPECT_EQ(count(1 << 30), 1);
}

TEST_F(GradientReducerTest, SecondPassInAStepIsRefused) {
  Chain chain;
  FlatParameters flat(chain.parameters);
  const auto reducer = reducer_of(ReducerKind::kBucketed, flat);
  reducer->begin_step(true);
  chain.loss(input_of(0, 0)).backward();
  EXPECT_THAT([&] { chain.loss(input_of(0, 0)).backward(); },
              ThrowsMessage<Error>(HasSubstr("two backward passes")));
  EXPECT_THAT([&] { reducer->begin_step(true); }, ThrowsMessage<Error>(HasSubstr("finish()")));
  reducer->finish();
}

TEST_F(GradientReducerTest, HooksAreRemovedWithTheReducer) {
  Chain chain;
  FlatParameters flat(chain.parameters);
  { const auto reducer = reducer_of(ReducerKind::kBucketed, flat); }
  chain.loss(input_of(0, 0)).backward();
  EXPECT_GT(flat.gradients().count_nonzero().item<int64_t>(), 0);
}

TEST_F(GradientReducerTest, IsCreatedByKind) {
  Chain chain;
  FlatParameters flat(chain.parameters);
  const auto make = [&](ReducerKind kind) {
    return make_gradient_reducer(kind, ranks(), flat.gradients(), flat.gradient_slices());
  };
  EXPECT_TRUE(dynamic_cast<NaiveReducer*>(make(ReducerKind::kNaive).get()));
  EXPECT_EQ(dynamic_cast<BucketedReducer*>(make(ReducerKind::kBucketed).get()) != nullptr,
            world().size() > 1);
}

}  // namespace
}  // namespace gm
