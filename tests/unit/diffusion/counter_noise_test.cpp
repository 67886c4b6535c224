#include "diffusion/counter_noise.h"

#include <gtest/gtest.h>

namespace gm {
namespace {

at::Tensor positions(int64_t first, int64_t count) {
  return at::arange(first, first + count, at::kLong);
}

at::Tensor noise(const at::Tensor& at, uint32_t draw = 0) {
  return counter_normal(/*seed=*/7, Stream::kNoise, at, draw, {3, 5, 4});
}

TEST(CounterNoise, DependsOnThePositionAndNotOnTheBatch) {
  const at::Tensor whole = noise(positions(10, 8));
  EXPECT_TRUE(noise(positions(10, 3)).equal(whole.narrow(0, 0, 3)));
  EXPECT_TRUE(noise(positions(13, 5)).equal(whole.narrow(0, 3, 5)));
}

TEST(CounterNoise, IsChannelsLastInTheOrderOfTheStream) {
  const at::Tensor one = noise(positions(3, 1));
  EXPECT_TRUE(one.is_contiguous(at::MemoryFormat::ChannelsLast));
  std::vector<float> stream(3 * 5 * 4);
  CounterRng(7, Stream::kNoise, 3).fill_normal(stream);
  EXPECT_TRUE(one.permute({0, 2, 3, 1}).flatten().equal(at::tensor(stream)));
}

TEST(CounterNoise, DiffersBySeedStreamPositionAndDraw) {
  const at::Tensor at = positions(0, 1);
  const at::Tensor base = noise(at);
  EXPECT_FALSE(base.equal(noise(positions(1, 1))));
  EXPECT_FALSE(base.equal(noise(at, /*draw=*/1)));
  EXPECT_FALSE(base.equal(counter_normal(8, Stream::kNoise, at, 0, {3, 5, 4})));
  EXPECT_FALSE(base.equal(counter_normal(7, Stream::kSampling, at, 0, {3, 5, 4})));
}

TEST(CounterNoise, IsStandardNormal) {
  const at::Tensor values = counter_normal(1, Stream::kNoise, positions(0, 64), 0, {3, 32, 32});
  EXPECT_NEAR(values.mean().item<double>(), 0.0, 0.01);
  EXPECT_NEAR(values.var().item<double>(), 1.0, 0.02);
  EXPECT_NEAR(values.pow(4).mean().item<double>(), 3.0, 0.1);
}

TEST(CounterTimesteps, AreUniformAndDependOnThePosition) {
  const at::Tensor t = counter_timesteps(/*seed=*/1, positions(0, 50000), /*steps=*/50);
  EXPECT_EQ(t.scalar_type(), at::kLong);
  const at::Tensor counts = at::bincount(t, {}, 50);
  EXPECT_EQ(counts.size(0), 50);
  EXPECT_GT(counts.min().item<int64_t>(), 850);
  EXPECT_LT(counts.max().item<int64_t>(), 1150);
  EXPECT_TRUE(counter_timesteps(1, positions(100, 7), 50).equal(t.narrow(0, 100, 7)));
}

TEST(CounterSamplingNoise, GivesEachDrawItsOwnNoise) {
  const NoiseSource source = counter_sampling_noise(/*seed=*/2, positions(4, 2), {1, 6, 6});
  EXPECT_EQ(source(50).sizes(), (at::IntArrayRef{2, 1, 6, 6}));
  EXPECT_TRUE(source(3).equal(counter_normal(2, Stream::kSampling, positions(4, 2), 3, {1, 6, 6})));
  EXPECT_FALSE(source(3).equal(source(4)));
}

}  // namespace
}  // namespace gm
