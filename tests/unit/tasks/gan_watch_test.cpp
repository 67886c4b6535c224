#include "tasks/gan_watch.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gm {
namespace {

using Terms = std::map<std::string, double>;

Terms terms(double real, double fake, double diversity = 1.0) {
  return {{"probability_real", real},
          {"probability_fake", fake},
          {"diversity", diversity},
          {"diversity_real", 1.0}};
}

/// What is said in `steps` steps of the same terms.
std::vector<std::string> said(GanWatch& watch, const Terms& of, int64_t steps) {
  std::vector<std::string> words;
  for (int64_t i = 0; i < steps; ++i) {
    if (std::string word = watch.look(of); !word.empty()) words.push_back(std::move(word));
  }
  return words;
}

TEST(GanWatch, SaysOnceThatTheDiscriminatorHasWon) {
  GanWatch watch;
  EXPECT_THAT(said(watch, terms(0.99, 0.01), GanWatch::kPatience - 1), testing::IsEmpty());
  EXPECT_THAT(said(watch, terms(0.99, 0.01), 1000),
              testing::ElementsAre(testing::HasSubstr("gan.discriminator_rate")));
}

TEST(GanWatch, StartsToCountAnewWhenTheGameGoesOn) {
  GanWatch watch;
  said(watch, terms(0.99, 0.01), GanWatch::kPatience - 1);
  said(watch, terms(0.7, 0.3), 1);
  EXPECT_THAT(said(watch, terms(0.99, 0.01), GanWatch::kPatience - 1), testing::IsEmpty());
}

TEST(GanWatch, SaysThatAllHolesAreFilledAlike) {
  GanWatch watch;
  EXPECT_THAT(said(watch, terms(0.6, 0.4, /*diversity=*/0.05), 1000),
              testing::ElementsAre(testing::HasSubstr("alike")));
}

TEST(GanWatch, IsSilentAboutAFairGame) {
  GanWatch watch;
  EXPECT_THAT(said(watch, terms(0.9, 0.2, 0.8), 1000), testing::IsEmpty());
}

TEST(Diversity, ComparesNeighboursWhereBothAreMissing) {
  const at::Tensor pictures = at::tensor({0.F, 0.F, 3.F, 5.F}).view({2, 1, 1, 2});
  const at::Tensor filled = at::tensor({1.F, 1.F, 2.F, 9.F}).view({2, 1, 1, 2});
  const at::Tensor masks = at::tensor({1.F, 1.F, 1.F, 0.F}).view({2, 1, 1, 2});
  std::map<std::string, at::Tensor> result;
  add_diversity(filled, pictures, masks, result);
  EXPECT_EQ(result.at("diversity").item<float>(), 1.F);
  EXPECT_EQ(result.at("diversity_real").item<float>(), 3.F);

  result.clear();
  add_diversity(filled.narrow(0, 0, 1), pictures.narrow(0, 0, 1), masks.narrow(0, 0, 1), result);
  EXPECT_TRUE(result.empty()) << "a single picture differs from none";
}

}  // namespace
}  // namespace gm
