// Sampling on all ranks, also when the number of ranks does not divide the number of images.
#include "eval/sampling.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/error.h"
#include "comm/distributed_range.h"
#include "support/expect_error.h"
#include "support/test_world.h"

namespace gm {
namespace {

Communicator& ranks() { return test_world().communicator(); }

/// Grey images of one pixel whose brightness is the index.
at::Tensor images_of(const at::Tensor& indices) {
  return (indices.to(at::kFloat) / 127.5 - 1).view({-1, 1, 1, 1});
}

at::Tensor make_by_index(const at::Tensor& indices, const SamplingObserver& observer) {
  observer(0, {});
  return images_of(indices);
}

TEST(SampleOnAllRanks, PassesEachImageOnceToTheRankThatMadeIt) {
  for (const int64_t count : {1, 3, 8, 10}) {
    int64_t made = 0, batches = 0;
    at::Tensor seen = at::zeros({count}, at::kLong);
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      EXPECT_LT(indices.max().item<int64_t>(), count) << "no image has this index";
      EXPECT_LE(indices.numel(), 2);
      made = indices.numel();
      return make_by_index(indices, observer);
    };
    sample_on_all_ranks(make, ranks(), {.count = count, .batch_size = 2},
                        [&](const SampleBatch& batch) {
                          EXPECT_LE(batch.indices.numel(), made);
                          EXPECT_TRUE(at::equal(batch.images, images_of(batch.indices)));
                          seen.index_add_(0, batch.indices, at::ones_like(batch.indices));
                          ++batches;
                          ranks().barrier();  // all ranks consume equally many batches
                        });
    EXPECT_TRUE(ranks().all_gather(seen).sum(0).eq(1).all().item<bool>()) << count;
    const at::Tensor all_batches = ranks().all_gather(at::full({1}, batches, at::kLong));
    EXPECT_TRUE(all_batches.eq(batches).all().item<bool>()) << all_batches;
  }
}

TEST(GatherSamples, GivesRankZeroEachImageAtItsIndexAndTheOthersNone) {
  for (const int64_t count : {1, 3, 8, 10}) {
    const at::Tensor pixels =
        gather_samples(make_by_index, ranks(), {.count = count, .batch_size = 2});
    EXPECT_EQ(pixels.defined(), ranks().rank() == 0);
    if (pixels.defined()) {
      EXPECT_TRUE(at::equal(pixels.flatten(), at::arange(count, at::kByte))) << count;
    }
  }
}

/// Needs all samples but those in `had`. Notes what it takes.
class Receiver final : public SampleReceiver {
 public:
  explicit Receiver(std::set<int64_t> had = {}) : had_(std::move(had)) {}
  bool needs(int64_t index) override {
    EXPECT_EQ(index, asked_++) << "each index once, in order";
    return !had_.contains(index);
  }
  void take(const PixelBatch& batch) override {
    EXPECT_EQ(ranks().rank(), 0);
    EXPECT_TRUE(at::equal(batch.pixels.flatten(), batch.indices.to(at::kByte)));
    largest = std::max(largest, batch.indices.numel());
    for (int64_t i = 0; i < batch.indices.numel(); ++i) {
      taken.push_back(batch.indices[i].item<int64_t>());
    }
  }
  std::vector<int64_t> taken;
  int64_t largest = 0;  // batch

 private:
  std::set<int64_t> had_;
  int64_t asked_ = 0;
};

TEST(StreamSamples, RankZeroGetsTheSamplesInOrderWhileTheyAreMade) {
  constexpr int64_t kCount = 50;
  Receiver receiver;
  int64_t batches = 0;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    EXPECT_LE(indices.numel(), 3);
    if (ranks().rank() == 0) {
      // Everything before this batch of all ranks has been passed on: no rank keeps samples.
      EXPECT_EQ(std::ssize(receiver.taken), batches * 3 * ranks().size());
    }
    ++batches;
    return make_by_index(indices, observer);
  };
  stream_samples(make, ranks(), {.count = kCount, .batch_size = 3}, &receiver);
  if (ranks().rank() != 0) return;
  std::vector<int64_t> all(kCount);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(receiver.taken, all);
  EXPECT_LE(receiver.largest, 3);
}

TEST(StreamSamples, OnlyTheNeededSamplesAreMade) {
  const std::set<int64_t> had{0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18};
  Receiver receiver(had);
  int64_t made = 0;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    made += indices.numel();
    for (int64_t i = 0; i < indices.numel(); ++i) {
      EXPECT_FALSE(had.contains(indices[i].item<int64_t>()));
    }
    return make_by_index(indices, observer);
  };
  stream_samples(make, ranks(), {.count = 20, .batch_size = 2}, &receiver);
  if (ranks().rank() == 0) {
    EXPECT_EQ(receiver.taken, (std::vector<int64_t>{8, 10, 11, 12, 13, 14, 15, 16, 19}));
  }
  const int64_t all_made = ranks().all_gather(at::full({1}, made, at::kLong)).sum().item<int64_t>();
  EXPECT_GE(all_made, 9);
  EXPECT_LT(all_made, 9 + 2 * ranks().size()) << "shares are filled up to equal sizes";
}

TEST(StreamSamples, AFailureOfTheReceiverIsThrownByAllRanks) {
  class FullDisk final : public SampleReceiver {
   public:
    bool needs(int64_t) override { return true; }
    void take(const PixelBatch&) override {
      ++taken;
      throw InputError("the disk is full");
    }
    int64_t taken = 0;
  } full;
  expect_error<InputError>(
      [&] { stream_samples(make_by_index, ranks(), {.count = 8, .batch_size = 1}, &full); },
      testing::HasSubstr("the disk is full"));
  EXPECT_EQ(full.taken, ranks().rank() == 0 ? 1 : 0);
}

TEST(ForEachRankBatch, AssignsEachItemToOneRankAndEqualNumbersOfBatchesToAllRanks) {
  for (const int64_t count : {1, 3, 8, 10}) {
    at::Tensor owners = at::zeros({count}, at::kLong);
    int64_t batches = 0;
    for_each_rank_batch(
        {.count = count, .batch_size = 2}, ranks(), [&](const at::Tensor& items, int64_t valid) {
          owners.index_add_(0, items.narrow(0, 0, valid), at::ones({valid}, at::kLong));
          ++batches;
        });
    const at::Tensor all_batches = ranks().all_gather(at::full({1}, batches, at::kLong));
    EXPECT_TRUE(all_batches.eq(batches).all().item<bool>()) << all_batches;
    EXPECT_TRUE(ranks().all_gather(owners).sum(0).eq(1).all().item<bool>()) << count;
  }
}

}  // namespace
}  // namespace gm
