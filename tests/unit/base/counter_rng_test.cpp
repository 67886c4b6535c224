// The generator against its authors' test vectors, and the drawn numbers against their
// distributions.
#include "base/counter_rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace gm {
namespace {

using Block = std::array<uint32_t, 4>;

// Random123 1.14, tests/kat_vectors, lines "philox4x32 10".
TEST(Philox, MatchesTheAuthorsTestVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<uint32_t> first_words(CounterRng random) {
  std::vector<uint32_t> words(6);
  for (uint32_t& word : words) word = random.next();
  return words;
}

TEST(CounterRng, DependsOnlyOnItsKey) {
  const CounterRng random(7, Stream::kNoise, 12, 3);
  EXPECT_EQ(first_words(random), first_words(CounterRng(7, Stream::kNoise, 12, 3)));
}

TEST(CounterRng, EveryPartOfTheKeyMatters) {
  const std::set<std::vector<uint32_t>> different{
      first_words(CounterRng(7, Stream::kNoise, 12, 3)),
      first_words(CounterRng(8, Stream::kNoise, 12, 3)),
      first_words(CounterRng(7, Stream::kTimestep, 12, 3)),
      first_words(CounterRng(7, Stream::kNoise, 13, 3)),
      first_words(CounterRng(7, Stream::kNoise, 12 + (uint64_t{1} << 32), 3)),
      first_words(CounterRng(7, Stream::kNoise, 12, 4)),
  };
  EXPECT_EQ(different.size(), 6U);
}

TEST(CounterRng, UniformStaysInItsIntervalAndFillsIt) {
  CounterRng random(1, Stream::kTimestep, 0);
  constexpr int kDraws = 100'000;
  double sum = 0, least = 1, greatest = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 / std::sqrt(12.0 * kDraws));  // five standard errors
  EXPECT_LT(least, 1e-3);
  EXPECT_GT(greatest, 1 - 1e-3);
}

// Pearson's chi squared; its mean is n - 1 and its variance 2 (n - 1).
TEST(CounterRng, BelowIsUniform) {
  for (const uint32_t n : {2U, 7U, 50U, 1000U}) {
    CounterRng random(3, Stream::kSampleOrder, n);
    const int draws = 1000 * static_cast<int>(n);
    std::vector<int> counts(n);
    for (int i = 0; i < draws; ++i) ++counts.at(random.below(n));
    double chi_squared = 0;
    for (const int count : counts) chi_squared += std::pow(count - 1000.0, 2) / 1000.0;
    EXPECT_NEAR(chi_squared, n - 1.0, 5 * std::sqrt(2 * (n - 1.0))) << "n = " << n;
  }
}

TEST(CounterRng, BelowHandlesTheEndsOfItsRange) {
  CounterRng random(3, Stream::kSampleOrder, 0);
  // With next() % n, the lower third of this range would be drawn twice as often.
  constexpr uint32_t kUneven = 3U << 30;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) {
    EXPECT_EQ(random.below(1), 0U);
    low += random.below(kUneven) < kUneven / 3 ? 1 : 0;
  }
  EXPECT_NEAR(low, 10'000, 5 * std::sqrt(30'000 * 2.0 / 9));
}

TEST(CounterRng, NormalHasTheMomentsOfTheNormalDistribution) {
  constexpr size_t kDraws = 1'000'000;
  std::vector<float> values(kDraws);
  CounterRng(5, Stream::kNoise, 0).fill_normal(values);
  std::array<double, 5> moments{};
  int beyond_two = 0;
  for (const float value : values) {
    ASSERT_TRUE(std::isfinite(value));
    for (int power = 1; power <= 4; ++power) moments.at(power) += std::pow(value, power) / kDraws;
    beyond_two += std::abs(value) > 2 ? 1 : 0;
  }
  // Five standard errors: the variances of x, x^2, x^3, x^4 are 1, 2, 15, 96.
  EXPECT_NEAR(moments[1], 0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(moments[2], 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15.0 / kDraws));
  EXPECT_NEAR(moments[4], 3, 5 * std::sqrt(96.0 / kDraws));
  EXPECT_NEAR(beyond_two / static_cast<double>(kDraws), std::erfc(std::sqrt(2.0)), 0.0011);
}

TEST(CounterRng, NormalsFollowTheBoxMullerTransform) {
  std::vector<float> values(100'003);
  CounterRng(5, Stream::kNoise, 9).fill_normal(values);
  CounterRng words(5, Stream::kNoise, 9);
  const auto share = [&] { return ((words.next() >> 8) + 1) * 0x1p-24; };
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(share()));
    const double angle = 2 * std::numbers::pi * share();
    ASSERT_NEAR(values[i], radius * std::cos(angle), 1e-6) << i;
    ASSERT_NEAR(values[i + 1], radius * std::sin(angle), 1e-6) << i;
  }
}

TEST(CounterRng, NormalsContinueAfterTheFirstFill) {
  std::vector<float> whole(20), first(7), second(12);
  CounterRng(5, Stream::kNoise, 9).fill_normal(whole);
  CounterRng random(5, Stream::kNoise, 9);
  random.fill_normal(first);
  random.fill_normal(second);
  EXPECT_EQ(second, std::vector<float>(whole.begin() + 8, whole.end()));
}

TEST(CounterRng, ALongerFillBeginsLikeAShorterOne) {
  std::vector<float> short_fill(5), long_fill(11);
  CounterRng(5, Stream::kNoise, 9).fill_normal(short_fill);
  CounterRng(5, Stream::kNoise, 9).fill_normal(long_fill);
  EXPECT_EQ(short_fill, std::vector<float>(long_fill.begin(), long_fill.begin() + 5));
}

}  // namespace
}  // namespace gm
