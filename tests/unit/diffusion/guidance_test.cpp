// Classifier-free guidance: which labels training drops, and what the guided network is.
#include "diffusion/guidance.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNullClass = 10;

at::Tensor dropped(const at::Tensor& positions, double probability, uint64_t seed = 3) {
  const at::Tensor labels = at::remainder(positions, kNullClass);
  return drop_labels(labels, positions,
                     {.seed = seed, .probability = probability, .null_class = kNullClass});
}

TEST(LabelDropout, ReplacesAFractionOfTheLabelsByTheNullClass) {
  const at::Tensor positions = at::arange(20'000);
  for (const double probability : {0.0, 0.1, 0.5, 1.0}) {
    const at::Tensor kept = dropped(positions, probability);
    const at::Tensor is_null = kept.eq(kNullClass);
    const double deviation = std::sqrt(probability * (1 - probability) / 20'000);
    EXPECT_NEAR(is_null.to(at::kDouble).mean().item<double>(), probability, 4 * deviation);
    EXPECT_TRUE(
        kept.eq(at::remainder(positions, kNullClass)).logical_or(is_null).all().item<bool>())
        << "the others are unchanged";
  }
}

TEST(LabelDropout, DependsOnSeedAndPositionAlone) {
  const at::Tensor all = dropped(at::arange(1000), 0.3);
  EXPECT_TRUE(dropped(at::arange(600, 700), 0.3).equal(all.narrow(0, 600, 100)));
  EXPECT_FALSE(dropped(at::arange(1000), 0.3, /*seed=*/4).equal(all));
}

/// A network with the output factor * x + t, which counts its evaluations.
DiffusionNetwork counting(double factor, int64_t& evaluations) {
  return [factor, &evaluations](const at::Tensor& x, const at::Tensor& t) {
    ++evaluations;
    return factor * x + t.view({-1, 1, 1, 1});
  };
}

class Guidance : public testing::Test {
 protected:
  at::Tensor output(double weight) {
    return guided(counting(0.7, conditional_), counting(-0.2, unconditional_), weight)(x_, t_);
  }

  const at::Tensor x_ = at::linspace(-3, 3, 96).view({2, 3, 4, 4});
  const at::Tensor t_ = at::arange(2);
  int64_t conditional_ = 0, unconditional_ = 0;
};

TEST_F(Guidance, OfOneIsTheConditionalNetworkInOneEvaluation) {
  int64_t evaluations = 0;
  EXPECT_TRUE(output(1).equal(counting(0.7, evaluations)(x_, t_)));
  EXPECT_EQ(conditional_, 1);
  EXPECT_EQ(unconditional_, 0);
}

TEST_F(Guidance, OfZeroIsTheUnconditionalNetwork) {
  int64_t evaluations = 0;
  EXPECT_TRUE(output(0).equal(counting(-0.2, evaluations)(x_, t_)));
}

TEST_F(Guidance, MovesFromOneOutputThroughTheOther) {
  for (const double weight : {0.3, 0.8, 1.5, 3.0, 7.5}) {
    // -0.2 + weight * 0.9 is the factor of x in both networks, combined.
    const at::Tensor expected = (-0.2 + weight * 0.9) * x_.to(at::kDouble) + t_.view({-1, 1, 1, 1});
    EXPECT_TRUE(at::allclose(output(weight).to(at::kDouble), expected, 1e-6, 1e-5)) << weight;
  }
}

/// The output of a network that predicts `kind`, and means the clean images `x0`.
DiffusionNetwork predicting(PredictionKind kind, const GaussianDiffusion& diffusion,
                            const at::Tensor& x0) {
  return [kind, &diffusion, x0](const at::Tensor& x, const at::Tensor& t) {
    const NoiseLevels& levels = diffusion.levels();
    const at::Tensor noise = (x - levels.signal(t) * x0) / levels.noise(t);
    return make_prediction(kind)->target(levels, x0, t, noise);
  };
}

TEST_F(Guidance, IsTheSameWhateverTheNetworkPredicts) {
  const at::Tensor with_class = at::sin(x_), without = at::cos(x_),
                   t = at::tensor({4, 11}, at::kLong);
  for (const PredictionKind kind :
       {PredictionKind::kNoise, PredictionKind::kX0, PredictionKind::kVelocity}) {
    const GaussianDiffusion diffusion({.steps = 20, .clamp = false, .prediction = kind});
    const DiffusionNetwork network =
        guided(predicting(kind, diffusion, with_class), predicting(kind, diffusion, without), 2.5);
    EXPECT_TRUE(at::allclose(diffusion.denoise_by(network)(x_, t),
                             without + 2.5 * (with_class - without), 1e-4, 1e-4));
  }
}

TEST(CheckGuidance, NeedsAModelThatKnowsClasses) {
  const DiffusionConfig no_classes, classes{.condition = DiffusionCondition::kClass};
  check_guidance({}, no_classes);
  check_guidance({.label = 5, .guidance = 2}, classes);
  expect_error<InputError>(
      [&] { check_guidance({.guidance = 2}, no_classes); },
      AllOf(HasSubstr("sampler.guidance is 2"), Not(HasSubstr("sampler.class")),
            HasSubstr("diffusion.condition is \"none\"): give 1,")));
  expect_error<InputError>([&] { check_guidance({.label = 5}, no_classes); },
                           AllOf(HasSubstr("sampler.class is 5"), HasSubstr("give -1,")));
}

TEST(CheckGuidance, NeedsAModelThatLearnedImagesWithoutTheirClass) {
  const DiffusionConfig always{.condition = DiffusionCondition::kClass, .label_dropout = 0};
  check_guidance({.label = 5}, always);
  expect_error<InputError>([&] { check_guidance({.guidance = 2}, always); },
                           HasSubstr("diffusion.label_dropout is 0"));
}

TEST(CheckGuidance, NeedsAModelThatLearnsClasses) {
  expect_error<InputError>(
      [] { check_guidance({}, {.condition = DiffusionCondition::kClass, .label_dropout = 1}); },
      HasSubstr("diffusion.label_dropout is 1"));
}

}  // namespace
}  // namespace gm
