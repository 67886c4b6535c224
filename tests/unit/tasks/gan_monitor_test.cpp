#include "tasks/gan_monitor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/enum_names.h"
#include "tasks/gan_loss.h"

namespace gm {
namespace {

using Terms = std::map<std::string, double>;

/// The loss terms of a discriminator with the logit `real` for all real images and `fake` for all
/// generated ones.
Terms terms(const AdversarialLoss& loss, double real, double fake, double diversity = 1.0) {
  const auto logit = [](double value) { return at::full({1}, value, at::kDouble); };
  return {{"real", loss.real_loss(logit(real)).item<double>()},
          {"fake", loss.fake_loss(logit(fake)).item<double>()},
          {"diversity", diversity},
          {"diversity_real", 1.0}};
}

/// Logits for an adversarial loss, each for real and for generated images.
struct DiscriminatorOutputs {
  GanLoss loss;
  double sure[2];  ///< Almost no gradient is left.
  double fair[2];  ///< Better than chance, with a useful gradient.
};

class GanMonitorTest : public testing::TestWithParam<DiscriminatorOutputs> {
 protected:
  Terms sure() const { return terms(loss, GetParam().sure[0], GetParam().sure[1]); }
  Terms fair(double diversity = 1.0) const {
    return terms(loss, GetParam().fair[0], GetParam().fair[1], diversity);
  }

  AdversarialLoss loss{GetParam().loss};
  GanMonitor monitor{loss.chance_loss()};
};

INSTANTIATE_TEST_SUITE_P(
    Losses, GanMonitorTest,
    testing::Values(DiscriminatorOutputs{GanLoss::kMinimax, {4, -4}, {1, -1}},
                    DiscriminatorOutputs{GanLoss::kNonSaturating, {4, -4}, {1, -1}},
                    DiscriminatorOutputs{GanLoss::kHinge, {0.95, -0.95}, {0.5, -0.5}},
                    DiscriminatorOutputs{GanLoss::kLeastSquares, {0.95, 0.05}, {0.7, 0.3}}),
    [](const auto& tested) { return std::string(name_of(tested.param.loss)); });

/// The messages during `steps` steps with the same terms.
std::vector<std::string> said(GanMonitor& monitor, const Terms& of, int64_t steps) {
  std::vector<std::string> words;
  for (int64_t i = 0; i < steps; ++i) {
    if (std::string word = monitor.observe(of); !word.empty()) words.push_back(std::move(word));
  }
  return words;
}

TEST_P(GanMonitorTest, WarnsOnceThatTheDiscriminatorHasWon) {
  EXPECT_THAT(said(monitor, sure(), GanMonitor::kPatience - 1), testing::IsEmpty());
  EXPECT_THAT(said(monitor, sure(), 1000),
              testing::ElementsAre(testing::HasSubstr("gan.discriminator_lr_scale")));
}

TEST_P(GanMonitorTest, RestartsItsCountWhenTheBalanceReturns) {
  said(monitor, sure(), GanMonitor::kPatience - 1);
  said(monitor, fair(), 1);
  EXPECT_THAT(said(monitor, sure(), GanMonitor::kPatience - 1), testing::IsEmpty());
}

TEST_P(GanMonitorTest, WarnsThatAllMasksAreInpaintedAlike) {
  EXPECT_THAT(said(monitor, fair(/*diversity=*/0.05), 1000),
              testing::ElementsAre(testing::HasSubstr("alike")));
}

TEST_P(GanMonitorTest, IsSilentAboutBalancedTraining) {
  EXPECT_THAT(said(monitor, fair(/*diversity=*/0.8), 1000), testing::IsEmpty());
}

TEST_P(GanMonitorTest, SaysOnceThatDiversityIsNotMeasured) {
  Terms unmeasured = sure();
  unmeasured.erase("diversity");
  unmeasured.erase("diversity_real");
  EXPECT_THAT(
      said(monitor, unmeasured, 1000),
      testing::ElementsAre(testing::HasSubstr("not measured"), testing::HasSubstr("has won")));
}

TEST(Diversity, ComparesNeighboursWhereBothAreMasked) {
  const at::Tensor images = at::tensor({0.F, 0.F, 3.F, 5.F}).view({2, 1, 1, 2});
  const at::Tensor filled = at::tensor({1.F, 1.F, 2.F, 9.F}).view({2, 1, 1, 2});
  const at::Tensor masks = at::tensor({1.F, 1.F, 1.F, 0.F}).view({2, 1, 1, 2});
  std::map<std::string, at::Tensor> result;
  add_diversity(filled, images, masks, result);
  EXPECT_EQ(result.at("diversity").item<float>(), 1.F);
  EXPECT_EQ(result.at("diversity_real").item<float>(), 3.F);
}

/// Otherwise the pairs would depend on the number of ranks.
TEST(Diversity, EvenPartsAverageToTheWholeAndOddPartsHaveNone) {
  const at::Tensor filled = at::randn({12, 3, 4, 4}), images = at::randn({12, 3, 4, 4});
  const at::Tensor masks = at::randint(0, 2, {12, 1, 4, 4}, at::kFloat);
  const auto of_parts = [&](int64_t size) {
    std::vector<std::map<std::string, at::Tensor>> parts;
    for (int64_t first = 0; first < 12; first += size) {
      add_diversity(filled.narrow(0, first, size), images.narrow(0, first, size),
                    masks.narrow(0, first, size), parts.emplace_back());
    }
    return parts;
  };
  const auto whole = of_parts(12).front();
  ASSERT_EQ(whole.size(), 2U);
  for (const int64_t size : {2, 4, 6}) {
    const auto parts = of_parts(size);
    for (const auto& [name, expected] : whole) {
      double sum = 0;
      for (const auto& part : parts) sum += part.at(name).item<double>();
      EXPECT_NEAR(sum / static_cast<double>(parts.size()), expected.item<double>(), 1e-6) << size;
    }
  }
  for (const int64_t size : {1, 3}) {
    for (const auto& part : of_parts(size)) EXPECT_TRUE(part.empty()) << size;
  }
}

}  // namespace
}  // namespace gm
