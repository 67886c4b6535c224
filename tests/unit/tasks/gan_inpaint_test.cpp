#include "tasks/gan_inpaint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

constexpr ImageShape kShape = {.height = 8, .width = 8, .channels = 1};
const ModelConfig kModel = {.dim = 8, .dim_mults = {1, 2}};

/// Masks that cover the upper half.
at::Tensor upper_half(const at::Tensor& positions) {
  const at::Tensor masks = at::zeros({positions.size(0), 1, 8, 8});
  masks.narrow(2, 0, 4).fill_(1);
  return masks;
}

Batch batch(int64_t first, int64_t count) {
  at::Tensor images = at::empty({count, 1, 8, 8});
  for (int64_t i = 0; i < count; ++i)
    images[i] = at::linspace(-1, 1, 64).view({1, 8, 8}) / (1 + first + i);
  return {.images = images.contiguous(at::MemoryFormat::ChannelsLast),
          .positions = at::arange(first, first + count, at::kLong)};
}

GanConfig everything() {
  GanConfig config{.lambda = 2, .l1 = 1, .feature_matching = 1, .r1 = 1, .r1_every = 2, .dim = 8};
  return config;
}

class GanInpaint : public testing::Test {
 protected:
  explicit GanInpaint(const GanConfig& config = everything())
      : task({kModel, config}, upper_half, kShape, /*seed=*/1), phases(task.phases()) {}

  Losses generator_loss(const Batch& batch) { return phases[0].loss(task.prepare(batch)); }
  Losses discriminator_loss(const Batch& batch) { return phases[1].loss(task.prepare(batch)); }

  static double gradient_of(const Network& network) {
    double sum = 0;
    for (const at::Tensor& parameter : network.parameters()) {
      if (parameter.grad().defined()) sum += parameter.grad().abs().sum().item<double>();
    }
    return sum;
  }

  GanInpaintTask task;
  std::vector<Phase> phases;
};

TEST_F(GanInpaint, GeneratorsPhaseLeavesNoGradientInTheDiscriminator) {
  generator_loss(batch(0, 4)).total.backward();
  EXPECT_GT(gradient_of(*phases[0].network), 0);
  EXPECT_EQ(gradient_of(*phases[1].network), 0);
}

TEST_F(GanInpaint, DiscriminatorsPhaseLeavesNoGradientInTheGenerator) {
  generator_loss(batch(0, 4));
  discriminator_loss(batch(0, 4)).total.backward();
  EXPECT_EQ(gradient_of(*phases[0].network), 0);
  EXPECT_GT(gradient_of(*phases[1].network), 0);
}

TEST_F(GanInpaint, LossesOfABatchAreTheMeansOverItsHalves) {
  const Losses generator = generator_loss(batch(0, 8));
  const Losses discriminator = discriminator_loss(batch(0, 8));
  std::map<std::string, double> halves;
  // Both halves pass one phase before the next, as in one step: all losses of a phase use the same
  // vectors of the spectral norms.
  GanInpaintTask again({kModel, everything()}, upper_half, kShape, /*seed=*/1);
  const auto add = [&](const std::string& phase, const Losses& losses) {
    halves[phase] += losses.total.item<double>() / 2;
    for (const auto& [name, term] : losses.terms) halves[name] += term.item<double>() / 2;
  };
  for (Phase& phase : again.phases()) {
    add(phase.name, phase.loss(again.prepare(batch(0, 4))));
    add(phase.name, phase.loss(again.prepare(batch(4, 4))));
  }
  const auto near = [&](const std::string& name, const at::Tensor& whole) {
    const double expected = whole.item<double>();
    EXPECT_NEAR(halves.at(name), expected, 1e-5 * std::abs(expected) + 1e-7) << name;
  };
  near("generator", generator.total);
  near("discriminator", discriminator.total);
  for (const auto& [name, term] : generator.terms) near(name, term);
  for (const auto& [name, term] : discriminator.terms) near(name, term);
}

TEST_F(GanInpaint, DiscriminatorTakesTheBatchesInTheGeneratorsOrder) {
  generator_loss(batch(0, 4));
  generator_loss(batch(4, 4));
  discriminator_loss(batch(0, 4));
  EXPECT_THROW(discriminator_loss(batch(0, 4)), Error);
  EXPECT_NO_THROW(discriminator_loss(batch(4, 4)));
  EXPECT_THROW(discriminator_loss(batch(4, 4)), Error);
}

TEST_F(GanInpaint, SpectralNormsIterateOncePerStepForAnyNumberOfMicroBatches) {
  const NamedTensors state = phases[1].network->buffer_list();
  std::vector<at::Tensor> before;
  for (const auto& [name, buffer] : state) before.push_back(buffer.clone());
  const auto after_step = [&](int64_t micro_batches) {
    for (size_t i = 0; i < before.size(); ++i) state[i].second.copy_(before[i]);
    for (int64_t i = 0; i < micro_batches; ++i) generator_loss(batch(4 * i, 4));
    for (int64_t i = 0; i < micro_batches; ++i) discriminator_loss(batch(4 * i, 4));
    return state.front().second.clone();
  };
  const at::Tensor after_one = after_step(1);
  EXPECT_FALSE(after_one.equal(before.front()));
  EXPECT_TRUE(after_step(3).equal(after_one));
}

TEST_F(GanInpaint, InpaintsMaskedPixelsAndKeepsTheRest) {
  const Batch known = batch(0, 2);
  const at::Tensor masks = upper_half(known.positions);
  const at::Tensor filled = task.inpaint({known.images, masks}, 1, known.positions, {});
  EXPECT_FALSE(filled.requires_grad());
  EXPECT_TRUE(filled.narrow(2, 4, 4).equal(known.images.narrow(2, 4, 4)));
  EXPECT_FALSE(filled.narrow(2, 0, 4).equal(known.images.narrow(2, 0, 4)));
  EXPECT_LE(filled.abs().max().item<float>(), 1.F);
}

TEST(GanInpaintTask, AddsOnlyTermsThatHaveAWeight) {
  GanInpaintTask task({kModel, {.dim = 8}}, upper_half, kShape, 1);
  const auto phases = task.phases();
  std::vector<std::string> names;
  for (const Phase& phase : phases) {
    for (const auto& [name, term] : phase.loss(task.prepare(batch(0, 4))).terms)
      names.push_back(name);
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("reconstruction", "adversarial", "diversity",
                                                   "diversity_real", "real", "fake",
                                                   "probability_real", "probability_fake"));
}

TEST(GanInpaintTask, R1OfAFractionOfImagesHasTheSameExpectation) {
  const auto mean_r1 = [](int64_t every) {
    GanInpaintTask task({kModel, {.r1 = 1, .r1_every = every, .dim = 8, .spectral_norm = false}},
                        upper_half, kShape, /*seed=*/1);
    const auto phases = task.phases();
    constexpr int64_t kTimes = 64;
    double sum = 0;
    for (int64_t i = 0; i < kTimes; ++i) {
      Batch same = batch(0, 8);
      same.positions += 8 * i;
      const PreparedBatch prepared = task.prepare(same);
      phases[0].loss(prepared);
      sum += phases[1].loss(prepared).terms.at("r1").item<double>();
    }
    return sum / kTimes;
  };
  const double all = mean_r1(1);
  EXPECT_GT(all, 0);
  EXPECT_NEAR(mean_r1(4), all, 0.3 * all);  // from about 128 images
}

TEST(GanInpaintTask, WithLambdaZeroTheAdversarialLossIsOnlyReported) {
  GanInpaintTask task({kModel, {.lambda = 0, .dim = 8}}, upper_half, kShape, 1);
  const Losses losses = task.phases()[0].loss(task.prepare(batch(0, 4)));
  EXPECT_TRUE(losses.total.equal(losses.terms.at("reconstruction")));
  EXPECT_GT(losses.terms.at("adversarial").item<double>(), 0);
}

TEST(GanInpaintTask, MinimaxSumsTheSquaredErrorAndOthersTakeItsMean) {
  const auto reconstruction = [](GanLoss loss) {
    GanInpaintTask task({kModel, {.loss = loss, .dim = 8}}, upper_half, kShape, 1);
    return task.phases()[0]
        .loss(task.prepare(batch(0, 4)))
        .terms.at("reconstruction")
        .item<double>();
  };
  EXPECT_NEAR(reconstruction(GanLoss::kMinimax), 32 * reconstruction(GanLoss::kHinge), 1e-3);
}

TEST(GanInpaintTask, RefusesImagesTooSmallForTheDiscriminator) {
  expect_error<InputError>(
      [] {
        GanInpaintTask({kModel, {.dim = 8}}, upper_half, {.height = 4, .width = 4, .channels = 1},
                       1);
      },
      testing::HasSubstr("at least 8 pixels"));
}

TEST(InpaintTask, LossIsTheMeanSquaredErrorOfTheMaskedPixels) {
  InpaintTask task(kModel, upper_half, kShape, /*seed=*/1);
  const Batch one = batch(3, 1);
  const double loss = task.phases()[0].loss(task.prepare(one)).total.item<double>();
  // Unlike the result of inpaint(), it is not clamped: a clamped value has no gradient.
  const at::Tensor filling =
      dynamic_cast<Denoiser&>(task.sampled_network())
          .forward(network_input({one.images, upper_half(one.positions)}), {});
  const at::Tensor errors = (filling - one.images).narrow(2, 0, 4).square();
  EXPECT_NEAR(loss, errors.mean().item<double>(), 1e-6);
  EXPECT_EQ(task.image_generator(), nullptr);
}

}  // namespace
}  // namespace gm
