// Sampling on all ranks, also when the number of ranks does not divide the number of images.
#include "train/sampling.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "comm/distributed_range.h"
#include "support/test_world.h"

namespace gm {
namespace {

Communicator& ranks() { return test_world().communicator(); }

/// Grey images of one pixel whose brightness is the index.
at::Tensor images_of(const at::Tensor& indices) {
  return (indices.to(at::kFloat) / 127.5 - 1).view({-1, 1, 1, 1});
}

TEST(SampleOnAllRanks, ReturnsEachImageAtItsIndex) {
  for (const int64_t count : {1, 3, 8, 10}) {
    const auto make = [&](const at::Tensor& indices, const SamplingObserver& observer) {
      EXPECT_LT(indices.max().item<int64_t>(), count) << "no image has this index";
      EXPECT_LE(indices.numel(), 2);
      observer(0, {});
      return images_of(indices);
    };
    const at::Tensor pixels = sample_on_all_ranks(make, ranks(), {.count = count, .batch_size = 2});
    EXPECT_TRUE(at::equal(pixels.flatten(), at::arange(count, at::kByte))) << count;
  }
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
