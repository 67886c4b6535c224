// Distances between distributions are near zero for halves of the same images, and grow with noise,
// blur and imbalance of the classes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/counter_rng.h"
#include "eval/feature_moments.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "eval/random_features.h"

namespace gm {
namespace {

constexpr int64_t kGrowSide = 16;
constexpr int64_t kGrowImages = 400;

at::Tensor counter_normal(uint64_t number, at::IntArrayRef shape) {
  const at::Tensor values = at::empty(shape, at::kFloat);
  CounterRng(/*seed=*/5, Stream::kNoise, number)
      .fill_normal({values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())});
  return values;
}

/// Images of two classes: coarse blocks, of which `stripes` (a fraction) are striped as well. Half
/// number 0 or 1 of the same distribution.
at::Tensor two_classes(uint64_t half, double stripes) {
  const at::Tensor blocks = at::upsample_nearest2d(
      counter_normal(half, {kGrowImages, 3, 4, 4}).mul(0.3), {kGrowSide, kGrowSide});
  const at::Tensor pattern =
      at::arange(kGrowSide, at::kFloat).remainder(2).sub(0.5).view({1, 1, 1, -1});
  const at::Tensor striped =
      at::arange(kGrowImages).lt(stripes * kGrowImages).view({-1, 1, 1, 1}).to(at::kFloat);
  return (blocks + 0.8 * striped * pattern).clamp(-1, 1);
}

struct Distances {
  double frechet = 0, kernel = 0;
};

Distances distances(const at::Tensor& images, const at::Tensor& references) {
  RandomFeatures network(at::kCPU);
  SelfCommunicator alone;
  const at::Tensor a = network.features(images), b = network.features(references);
  return {frechet_distance(statistics_of(a, alone), statistics_of(b, alone)),
          kernel_distance(a, b, alone).value};
}

/// Expects that the distances of change(images, amount) grow with the amount, which begins with no
/// change.
void expect_growth(const std::function<at::Tensor(double amount)>& changed,
                   const std::vector<double>& amounts) {
  const at::Tensor references = two_classes(1, 0.5);
  std::vector<Distances> found;
  for (const double amount : amounts) found.push_back(distances(changed(amount), references));
  for (size_t i = 1; i < found.size(); ++i) {
    EXPECT_GT(found[i].frechet, found[i - 1].frechet) << amounts[i];
    EXPECT_GT(found[i].kernel, found[i - 1].kernel) << amounts[i];
  }
  EXPECT_LT(found.front().frechet, 0.1 * found.back().frechet) << "of halves of the same images";
  EXPECT_LT(std::abs(found.front().kernel), 0.1 * found.back().kernel);
}

TEST(DistancesGrow, WithNoise) {
  const at::Tensor images = two_classes(0, 0.5), noise = counter_normal(2, images.sizes());
  expect_growth([&](double amount) { return images + amount * noise; }, {0, 0.1, 0.2, 0.4, 0.8});
}

TEST(DistancesGrow, WithBlur) {
  const at::Tensor images = two_classes(0, 0.5);
  const auto blurred = [&](double amount) {
    const auto radius = static_cast<int64_t>(amount);
    return at::avg_pool2d(at::replication_pad2d(images, {radius, radius, radius, radius}),
                          {2 * radius + 1, 2 * radius + 1}, /*stride=*/{1, 1});
  };
  expect_growth(blurred, {0, 1, 2, 4, 6});
}

TEST(DistancesGrow, WithImbalanceOfTheClasses) {
  expect_growth([&](double amount) { return two_classes(0, 0.5 + amount); },
                {0, 0.1, 0.2, 0.35, 0.5});
}

}  // namespace
}  // namespace gm
