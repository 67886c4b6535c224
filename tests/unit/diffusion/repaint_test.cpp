#include "diffusion/repaint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A network without weights: predicts a tenth of its input.
at::Tensor tenth(const at::Tensor& x, const at::Tensor&) { return 0.1 * x; }

/// Noise that differs from draw to draw and from pixel to pixel.
at::Tensor injected(int64_t draw, int64_t pixels) {
  return at::sin(at::arange(pixels, at::kFloat) * 0.7 + static_cast<double>(draw) * 1.3)
      .view({1, 1, 1, pixels});
}

TEST(RepaintLevels, RepeatEachJumpAsOftenAsConfigured) {
  EXPECT_THAT(repaint_levels(4, {.jump_length = 1, .resamplings = 2}),
              ElementsAre(4, 3, 4, 3, 2, 3, 2, 1, 2, 1, 0));
  EXPECT_THAT(repaint_levels(5, {.jump_length = 2, .resamplings = 2}),
              ElementsAre(5, 4, 3, 4, 5, 4, 3, 2, 1, 2, 3, 2, 1, 0));
}

TEST(RepaintLevels, HaveTheNumberOfStepsOfThePaper) {
  // T = 250, j = 10, r = 10: "4570 steps".
  const auto levels = repaint_levels(250, {.jump_length = 10, .resamplings = 10});
  EXPECT_EQ(levels.size() - 1, 4570U);
  EXPECT_EQ(levels.front(), 250);
  EXPECT_EQ(levels.back(), 0);
}

TEST(RepaintLevels, RefuseInvalidJumps) {
  expect_error<InputError>([] { repaint_levels(10, {.jump_length = 10, .resamplings = 2}); },
                           AllOf(HasSubstr("repaint.jump_length is 10"), HasSubstr("10 steps")));
  expect_error<InputError>([] { repaint_levels(10, {.jump_length = 0, .resamplings = 2}); },
                           HasSubstr("repaint.jump_length is 0"));
  expect_error<InputError>([] { repaint_levels(100'000, {.jump_length = 1, .resamplings = 1000}); },
                           HasSubstr("repaint.resamplings is 1000"));
  EXPECT_EQ(repaint_levels(3, {.jump_length = 10, .resamplings = 1}).size(), 4U);
}

TEST(Repaint, WithoutJumpsAndKnownPixelsIsTheOrdinarySampler) {
  constexpr int64_t kSteps = 6, kPixels = 5;
  const GaussianDiffusion diffusion({.steps = kSteps});
  // repaint() numbers its draws by steps: the reverse step at t is step number T - t.
  const at::Tensor expected = diffusion.sampler().sample(
      diffusion.denoise_by(tenth),
      [&](int64_t draw) { return injected(2 * (kSteps - draw), kPixels); });
  const at::Tensor filled =
      repaint(diffusion, diffusion.denoise_by(tenth), at::zeros({1, 1, 1, kPixels}),
              at::ones({1, 1, 1, kPixels}), {.jump_length = 1, .resamplings = 1},
              [&](int64_t draw) { return injected(draw, kPixels); });
  EXPECT_TRUE(at::equal(filled, expected));
}

TEST(Repaint, FollowsThePapersAlgorithmAndKeepsKnownPixelsExactly) {
  constexpr int64_t kSteps = 3, kPixels = 4;
  const GaussianDiffusion diffusion({.steps = kSteps, .clamp = false});
  const NoiseSchedule& s = diffusion.schedule();
  const at::Tensor image = at::tensor({-1.0F, -0.3F, 0.123456F, 0.9F}).view({1, 1, 1, kPixels});
  const at::Tensor mask = at::tensor({0.0F, 1.0F, 0.0F, 1.0F}).view({1, 1, 1, kPixels});
  const auto noise = [&](int64_t draw) { return injected(draw, kPixels); };

  const at::Tensor filled = repaint(diffusion, diffusion.denoise_by(tenth), image, mask,
                                    {.jump_length = 1, .resamplings = 2}, noise);

  // Algorithm 1 of the paper, pixel by pixel in double precision. This network treats each pixel
  // independently.
  for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
    const auto draw = [&](int64_t i) { return noise(i).view(-1)[pixel].item<double>(); };
    const double known = image.view(-1)[pixel].item<double>();
    const bool missing = mask.view(-1)[pixel].item<double>() == 1;
    const std::vector<int64_t> levels{3, 2, 3, 2, 1, 2, 1, 0};
    double x = draw(0);
    for (size_t i = 1; i < levels.size(); ++i) {
      const auto level = static_cast<size_t>(levels[i]);
      const auto first = static_cast<int64_t>(2 * i);
      if (levels[i] > levels[i - 1]) {
        x = std::sqrt(1 - s.beta[level - 1]) * x + std::sqrt(s.beta[level - 1]) * draw(first);
        continue;
      }
      const double x0 =
          (x - std::sqrt(1 - s.alpha_bar[level]) * 0.1 * x) / std::sqrt(s.alpha_bar[level]);
      const double mean = s.posterior_x0[level] * x0 + s.posterior_xt[level] * x;
      if (level == 0) {
        x = missing ? mean : known;
      } else {
        x = missing ? mean + std::sqrt(s.posterior_variance[level]) * draw(first)
                    : std::sqrt(s.alpha_bar[level - 1]) * known +
                          std::sqrt(1 - s.alpha_bar[level - 1]) * draw(first + 1);
      }
    }
    const double got = filled.view(-1)[pixel].item<double>();
    EXPECT_NEAR(got, x, 1e-4 * std::max(1.0, std::abs(x))) << "pixel " << pixel;
    if (!missing) {
      EXPECT_EQ(got, known);
    }
  }
}

TEST(Repaint, CallsTheObserverAfterEachReverseStep) {
  const GaussianDiffusion diffusion({.steps = 4});
  std::vector<int64_t> seen;
  repaint(
      diffusion, diffusion.denoise_by(tenth), at::zeros({1, 1, 1, 2}), at::ones({1, 1, 1, 2}),
      {.jump_length = 1, .resamplings = 2}, [](int64_t draw) { return injected(draw, 2); },
      [&](int64_t t, const at::Tensor&) { seen.push_back(t); });
  EXPECT_THAT(seen, ElementsAre(3, 3, 2, 2, 1, 1, 0));
}

}  // namespace
}  // namespace gm
