// Sampling on all ranks, also when the number of ranks does not divide the number of images.
#include "eval/sampling.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(GatherSamples, RankZeroGetsTheBatchesWhileSamplesAreMade) {
  constexpr int64_t kCount = 10;
  std::vector<int64_t> before;  // images that rank 0 had when each of its own batches was made
  int64_t had = 0;
  const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    before.push_back(had);
    return make_by_index(indices, observer);
  };
  at::Tensor seen = at::zeros({kCount}, at::kLong);
  gather_samples(make, ranks(), {.count = kCount, .batch_size = 1}, [&](const PixelBatch& batch) {
    EXPECT_EQ(ranks().rank(), 0);
    EXPECT_EQ(batch.indices.numel(), 1) << "no more than one batch of a rank";
    EXPECT_TRUE(at::equal(batch.pixels.flatten(), batch.indices.to(at::kByte)));
    seen.index_add_(0, batch.indices, at::ones_like(batch.indices));
    had += batch.indices.numel();
  });
  if (ranks().rank() != 0) return;
  EXPECT_TRUE(seen.eq(1).all().item<bool>()) << seen;
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_GE(before[i], static_cast<int64_t>(i)) << "batches are passed on one by one";
  }
}

TEST(GatherSamples, AFailureOfTheConsumerOnRankZeroIsThrownByAllRanks) {
  int64_t consumed = 0;
  expect_error<InputError>(
      [&] {
        gather_samples(make_by_index, ranks(), {.count = 8, .batch_size = 1},
                       [&](const PixelBatch&) {
                         ++consumed;
                         throw InputError("the disk is full");
                       });
      },
      testing::HasSubstr("the disk is full"));
  EXPECT_EQ(consumed, ranks().rank() == 0 ? 1 : 0);
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
