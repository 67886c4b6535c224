// The order of images: random, each once per epoch, and the same for any number of ranks.
#include "data/shard_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Permuted, IsAPermutationForEverySize) {
  std::vector<int64_t> sizes(130);
  std::iota(sizes.begin(), sizes.end(), 1);
  for (const int64_t n : {1000, 4096, 4097, 50'000}) sizes.push_back(n);
  for (const int64_t n : sizes) {
    std::vector<bool> seen(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const int64_t value = permuted(i, n, 1, 2, 3);
      ASSERT_TRUE(value >= 0 && value < n && !seen[static_cast<size_t>(value)]) << n << ' ' << i;
      seen[static_cast<size_t>(value)] = true;
    }
  }
}

TEST(Permuted, HandlesSizesBeyond32Bits) {
  for (const int64_t n : {int64_t{1} << 40, (int64_t{1} << 62) - 12345}) {
    std::set<int64_t> values;
    for (int64_t i = 0; i < 1000; ++i) values.insert(permuted(n - 1 - i, n, 1, 2, 3));
    EXPECT_EQ(values.size(), 1000U);
    EXPECT_GE(*values.begin(), 0);
    EXPECT_LT(*values.rbegin(), n);
  }
}

TEST(Permuted, EveryOrderOfFourIsEquallyLikely) {
  std::map<std::vector<int64_t>, int> counts;
  constexpr int kDraws = 24'000;
  for (int epoch = 0; epoch < kDraws; ++epoch) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < 4; ++i)
      order.push_back(permuted(i, 4, 9, static_cast<uint64_t>(epoch), 0));
    ++counts[order];
  }
  ASSERT_EQ(counts.size(), 24U);
  double chi_square = 0;
  for (const auto& [order, count] : counts)
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 49.7) << "23 degrees of freedom: exceeded with probability 0.001";
}

TEST(Permuted, EachPositionIsEquallyLikely) {
  constexpr int64_t n = 37;
  constexpr int kEpochs = 3700;
  std::vector<std::vector<int>> counts(n, std::vector<int>(n));
  for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t i = 0; i < n; ++i)
      ++counts[static_cast<size_t>(i)][static_cast<size_t>(permuted(i, n, 5, epoch, 1))];
  }
  double chi_square = 0;
  for (const auto& row : counts) {
    for (const int count : row) chi_square += (count - 100.0) * (count - 100.0) / 100.0;
  }
  // (n - 1)^2 = 1296 degrees of freedom: mean 1296, standard deviation 51.
  EXPECT_LT(chi_square, 1296 + 4 * 51);
  EXPECT_GT(chi_square, 1296 - 4 * 51);
}

TEST(Permuted, NeighboursAreUncorrelated) {
  constexpr int64_t n = 10'000;
  double covariance = 0;
  for (int64_t i = 0; i + 1 < n; ++i) {
    const auto centred = [&](int64_t k) {
      return 2.0 * static_cast<double>(permuted(k, n, 3, 0, 0)) / n - 1;
    };
    covariance += centred(i) * centred(i + 1);
  }
  EXPECT_LT(std::abs(covariance / n * 3), 0.04) << "four standard deviations of a correlation";
}

TEST(Permuted, DependsOnSeedEpochAndShard) {
  const auto order = [](uint64_t seed, uint64_t epoch, uint32_t shard) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < 100; ++i) values.push_back(permuted(i, 100, seed, epoch, shard));
    return values;
  };
  const auto base = order(1, 2, 3);
  EXPECT_EQ(base, order(1, 2, 3));
  EXPECT_NE(base, order(2, 2, 3));
  EXPECT_NE(base, order(1, 3, 3));
  EXPECT_NE(base, order(1, 2, 4));
}

TEST(ShardOrder, EachShardSuppliesItsShareOfEveryMicroBatch) {
  constexpr int64_t kImages = 103, kShards = 4, kBatch = 12;
  const ShardOrder order({.dataset_size = kImages, .shards = kShards, .batch_size = kBatch});
  for (int64_t position = 0; position < 100 * kBatch; ++position) {
    const int64_t shard = position % kBatch / (kBatch / kShards);
    const int64_t index = order.index_at(position);
    EXPECT_GE(index, shard * kImages / kShards);
    EXPECT_LT(index, (shard + 1) * kImages / kShards);
  }
}

TEST(ShardOrder, EachShardReturnsItsImagesOncePerEpochWithoutGaps) {
  constexpr int64_t kImages = 103, kShards = 4, kBatch = 12, kShare = kBatch / kShards;
  const ShardOrder order({.dataset_size = kImages, .shards = kShards, .batch_size = kBatch});
  for (int64_t shard = 0; shard < kShards; ++shard) {
    const int64_t begin = shard * kImages / kShards;
    const int64_t size = (shard + 1) * kImages / kShards - begin;
    std::vector<int64_t> stream;
    for (int64_t k = 0; k < 5 * size; ++k)
      stream.push_back(order.index_at(k / kShare * kBatch + shard * kShare + k % kShare));
    for (auto epoch = stream.begin(); epoch != stream.end(); epoch += size) {
      std::vector<int64_t> sorted(epoch, epoch + size), expected(static_cast<size_t>(size));
      std::sort(sorted.begin(), sorted.end());
      std::iota(expected.begin(), expected.end(), begin);
      EXPECT_EQ(sorted, expected);
      EXPECT_NE(std::vector<int64_t>(epoch, epoch + size), expected) << "shuffled, not in order";
    }
  }
}

TEST(ShardOrder, TheRanksDivideEachMicroBatchInTheOrderOfPositions) {
  ShardOrder::Options options{.dataset_size = 103, .shards = 4, .batch_size = 12, .seed = 7};
  const ShardOrder whole(options);
  options.ranks = 4;
  for (const int64_t m : {0, 1, 50}) {
    std::vector<Sample> together;
    for (options.rank = 0; options.rank < 4; ++options.rank) {
      const auto part = ShardOrder(options).samples_of(m);
      EXPECT_EQ(part.size(), 3U);
      together.insert(together.end(), part.begin(), part.end());
    }
    EXPECT_EQ(together, whole.samples_of(m));
    for (int64_t i = 0; i < 12; ++i)
      EXPECT_EQ(together[static_cast<size_t>(i)].position, 12 * m + i);
  }
}

TEST(ShardOrder, RefusesSizesThatAreNotDivisible) {
  expect_error<InputError>(
      [] { ShardOrder({.dataset_size = 103, .shards = 8, .batch_size = 32, .ranks = 3}); },
      HasSubstr("3 ranks do not divide"));
  expect_error<InputError>(
      [] { ShardOrder({.dataset_size = 103, .shards = 8, .batch_size = 104}); },
      HasSubstr("fewer than the 104"));
}

TEST(CheckDivisible, AcceptsDivisibleSizes) {
  check_divisible(5000, 8, 32, 1);
  check_divisible(5000, 8, 32, 8);
  check_divisible(32, 32, 32, 4);
}

TEST(CheckDivisible, SaysWhichSizesWouldWork) {
  expect_error<InputError>([] { check_divisible(5000, 8, 32, 3); },
                           AllOf(HasSubstr("3 ranks do not divide data.shards = 8"),
                                 HasSubstr("would work: 1, 2, 4, 8;"), HasSubstr("multiple of 3")));
  expect_error<InputError>(
      [] { check_divisible(5000, 8, 30, 2); },
      AllOf(HasSubstr("train.batch_size = 30 is not a multiple of data.shards = 8"),
            HasSubstr("batch sizes that would work: 8, 16, 24, 32, 40;"),
            HasSubstr("numbers of shards that would work: 2, 6, 10, 30")));
  expect_error<InputError>([] { check_divisible(31, 8, 32, 1); },
                           AllOf(HasSubstr("31 images"), HasSubstr("32 of one global batch")));
}

TEST(CheckDivisible, AutomaticShardsNeedOnlyABatchThatTheRanksDivide) {
  for (const int ranks : {1, 3, 4, 12}) check_divisible(0, 12, ranks);
  check_divisible(12, 0, 12, 4);
  expect_error<InputError>([] { check_divisible(0, 12, 5); },
                           AllOf(HasSubstr("5 ranks do not divide train.batch_size = 12"),
                                 HasSubstr("ranks that would work: 2, 3, 4, 6, 12;"),
                                 HasSubstr("batch sizes that would work: 5, 10, 15, 20")));
  expect_error<InputError>([] { check_divisible(11, 0, 12, 4); }, HasSubstr("fewer than the 12"));
}

TEST(AutomaticShards, AreTheBatchIfEachShardHasAHundredImages) {
  for (const int ranks : {1, 2, 4, 8, 16, 32}) EXPECT_EQ(automatic_shards(3200, 32, ranks), 32);
  EXPECT_EQ(automatic_shards(50'000, 48, 3), 48);
}

TEST(AutomaticShards, AreFewerForASmallDatasetButAsManyAsTheRanksNeed) {
  EXPECT_EQ(automatic_shards(3199, 32, 1), 16);
  EXPECT_EQ(automatic_shards(3199, 32, 16), 16);
  EXPECT_EQ(automatic_shards(3199, 32, 32), 32) << "32 ranks need 32 shards";
  EXPECT_EQ(automatic_shards(1000, 30, 1), 10);
  EXPECT_EQ(automatic_shards(1000, 30, 3), 6) << "the largest of 3, 6, 15, 30 with 100 images";
  EXPECT_EQ(automatic_shards(1000, 30, 15), 15);
  EXPECT_EQ(automatic_shards(32, 32, 1), 1);
  EXPECT_EQ(automatic_shards(32, 32, 4), 4);
}

TEST(AutomaticShards, CanBeWrittenAsDataShardsAndSharedByTheRanks) {
  for (const int64_t size : {int64_t{60}, int64_t{5000}, int64_t{1} << 40}) {
    for (const int64_t batch : {1, 7, 24, 60, 1'000'000}) {
      for (const int ranks : {1, 2, 3, 4, 5, 8}) {
        if (batch % ranks != 0 || batch > size) continue;
        const int64_t shards = automatic_shards(size, batch, ranks);
        EXPECT_LE(shards, 65'536);
        EXPECT_NO_THROW(check_divisible(size, shards, batch, ranks)) << size << ' ' << batch;
      }
    }
  }
}

}  // namespace
}  // namespace gm
