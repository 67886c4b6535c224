#include "diffusion/repaint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

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

/// Algorithm 1 of the paper for one pixel, in double precision, with the timesteps `visited`
/// (ascending) of `all`: its value after each reverse step. `draw` gives the noise. The network
/// treats each pixel independently.
std::vector<double> repainted_pixel(const NoiseSchedule& all, const std::vector<int64_t>& visited,
                                    double known, bool missing,
                                    const std::function<double(int64_t)>& draw) {
  const auto alpha_bar = [&](int64_t level) {
    return level == 0 ? 1.0
                      : all.alpha_bar[static_cast<size_t>(visited[static_cast<size_t>(level - 1)])];
  };
  const std::vector<int64_t> levels{3, 2, 3, 2, 1, 2, 1, 0};
  std::vector<double> values;
  double x = draw(0);
  for (size_t i = 1; i < levels.size(); ++i) {
    const int64_t level = levels[i];
    const auto first = static_cast<int64_t>(2 * i);
    if (level > levels[i - 1]) {
      const double kept = alpha_bar(level) / alpha_bar(level - 1);
      x = std::sqrt(kept) * x + std::sqrt(1 - kept) * draw(first);
      continue;
    }
    const double from = alpha_bar(level + 1), to = alpha_bar(level), kept = from / to;
    const double x0 = (x - std::sqrt(1 - from) * 0.1 * x) / std::sqrt(from);
    const double mean =
        std::sqrt(to) * (1 - kept) / (1 - from) * x0 + std::sqrt(kept) * (1 - to) / (1 - from) * x;
    const double variance = (1 - kept) * (1 - to) / (1 - from);
    if (level == 0) {
      x = missing ? mean : known;
    } else {
      x = missing ? mean + std::sqrt(variance) * draw(first)
                  : std::sqrt(to) * known + std::sqrt(1 - to) * draw(first + 1);
    }
    values.push_back(x);
  }
  return values;
}

TEST(Repaint, FollowsThePapersAlgorithmAndKeepsKnownPixelsExactly) {
  constexpr int64_t kPixels = 4;
  const at::Tensor image = at::tensor({-1.0F, -0.3F, 0.123456F, 0.9F}).view({1, 1, 1, kPixels});
  const at::Tensor mask = at::tensor({0.0F, 1.0F, 0.0F, 1.0F}).view({1, 1, 1, kPixels});
  const auto noise = [&](int64_t draw) { return injected(draw, kPixels); };
  for (const auto& visited : {std::vector<int64_t>{0, 1, 2}, std::vector<int64_t>{3, 7, 11}}) {
    const GaussianDiffusion diffusion({.steps = visited.back() + 1, .clamp = false}, {.steps = 3});
    std::vector<at::Tensor> images;
    repaint(diffusion, diffusion.denoise_by(tenth), image, mask,
            {.jump_length = 1, .resamplings = 2}, noise,
            [&](int64_t, const at::Tensor& x) { images.push_back(x.view(-1)); });
    for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
      const double known = image.view(-1)[pixel].item<double>();
      const bool missing = mask.view(-1)[pixel].item<double>() == 1;
      const std::vector<double> expected =
          repainted_pixel(diffusion.schedule(), visited, known, missing,
                          [&](int64_t i) { return noise(i).view(-1)[pixel].item<double>(); });
      ASSERT_EQ(images.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(images[i][pixel].item<double>(), expected[i],
                    1e-4 * std::max(1.0, std::abs(expected[i])))
            << "pixel " << pixel << " after reverse step " << i;
      }
      if (!missing) {
        EXPECT_EQ(images.back()[pixel].item<double>(), known);
      }
    }
  }
}

TEST(Repaint, WorksWithEverySampler) {
  for (const std::string& kind : sampler_names()) {
    const GaussianDiffusion diffusion({.steps = 40}, {.kind = kind, .steps = 8});
    const at::Tensor mask = at::tensor({0.0F, 1.0F}).view({1, 1, 1, 2});
    std::vector<int64_t> seen;
    const at::Tensor filled = repaint(
        diffusion, diffusion.denoise_by(tenth), at::full({1, 1, 1, 2}, 0.5), mask,
        {.jump_length = 2, .resamplings = 2}, [](int64_t draw) { return injected(draw, 2); },
        [&](int64_t t, const at::Tensor&) { seen.push_back(t); });
    EXPECT_EQ(filled.view(-1)[0].item<double>(), 0.5) << kind;
    EXPECT_LE(filled.abs().max().item<double>(), 1) << kind;
    EXPECT_EQ(seen.front(), 39) << kind;
    EXPECT_EQ(seen.back(), 4) << kind;
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
