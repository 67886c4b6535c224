// Samplers on a distribution whose exact denoiser and probability flow are known: each pixel is
// normal with mean kMean and standard deviation s.
#include "diffusion/sampler.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "config/run_config.h"
#include "config/schema.h"
#include "config/toml.h"
#include "diffusion/gaussian_diffusion.h"
#include "diffusion/linear_sampler.h"
#include "diffusion/make_sampler.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kMean = 0.4;

/// E[x_0 | x_t] for the normal distribution.
Denoise exact_denoiser(const NoiseSchedule& all, double s) {
  return [all, s](const at::Tensor& x, const at::Tensor& t) {
    const double alpha_bar = all.alpha_bar[static_cast<size_t>(t[0].item<int64_t>())];
    const double signal = std::sqrt(alpha_bar);
    const double gain = signal * s * s / (alpha_bar * s * s + 1 - alpha_bar);
    return kMean + gain * (x - signal * kMean);
  };
}

double deviation_at(double alpha_bar, double s) {
  return std::sqrt(alpha_bar * s * s + 1 - alpha_bar);
}

/// Where the probability flow ends for an image that is `start` at `from`: it keeps the number of
/// standard deviations from the mean.
double flow(double start, double from, double to, double s) {
  const double standard = (start - std::sqrt(from) * kMean) / deviation_at(from, s);
  return std::sqrt(to) * kMean + standard * deviation_at(to, s);
}

StepNoise constant(double value) {
  return [value] { return at::full({1, 1, 1, 1}, value); };
}

/// The image after the steps from the last one to `last`, from an image of 1.5 and without noise.
double run_steps(const Sampler& sampler, const Denoise& denoise, int64_t last) {
  SamplingState state{.x = at::full({1, 1, 1, 1}, 1.5)};
  for (int64_t k = sampler.steps() - 1; k >= last; --k) {
    sampler.step(denoise, k, constant(0), state);
  }
  return state.x.item<double>();
}

/// Errors with 8, 16, 32 and 64 steps between two levels that both have noise.
std::vector<double> errors_between_levels(LinearSteps (*factors)(const NoiseSchedule&)) {
  constexpr int64_t kLow = 1024, kHigh = 3072;
  const NoiseSchedule all = cosine_schedule(4096);
  std::vector<double> errors;
  for (const int64_t count : {8, 16, 32, 64}) {
    std::vector<int64_t> timesteps;
    for (int64_t i = 0; i <= count; ++i) timesteps.push_back(kLow + (kHigh - kLow) / count * i);
    const NoiseSchedule schedule = respaced(all, timesteps);
    const double end =
        run_steps(LinearSampler(schedule, factors(schedule)), exact_denoiser(all, 0.5), 1);
    errors.push_back(
        std::abs(end - flow(1.5, all.alpha_bar[kHigh], all.alpha_bar[kLow], /*s=*/0.5)));
  }
  return errors;
}

/// Errors of the images at the end of a whole loop with 10, 20, 40 and 80 steps.
std::vector<double> errors_of_samples(const std::string& kind) {
  const NoiseSchedule all = cosine_schedule(4000);
  std::vector<double> errors;
  for (const int64_t steps : {10, 20, 40, 80}) {
    const auto sampler = make_sampler({.kind = kind, .steps = steps}, all);
    const double end = run_steps(*sampler, exact_denoiser(all, 0.5), 0);
    errors.push_back(std::abs(end - flow(1.5, all.alpha_bar.back(), 1, /*s=*/0.5)));
  }
  return errors;
}

void expect_order(const std::vector<double>& errors, double order) {
  for (size_t i = 1; i < errors.size(); ++i) {
    EXPECT_NEAR(std::log2(errors[i - 1] / errors[i]), order, 0.25)
        << errors[i - 1] << " then " << errors[i];
  }
}

LinearSteps ddim_without_noise(const NoiseSchedule& schedule) { return ddim_steps(schedule, 0); }

TEST(LinearSampler, ErrorsFallWithTheOrderOfTheMethod) {
  expect_order(errors_between_levels(ddim_without_noise), 1);
  expect_order(errors_between_levels(dpm_solver_steps), 2);
}

// Between pure noise and the clean image, the first and the last step of DPM-Solver++ have order 1.
TEST(LinearSampler, ErrorsOfSamplesFallAndAreSmallerForDpmSolver) {
  const std::vector<double> ddim = errors_of_samples("ddim");
  const std::vector<double> dpm_solver = errors_of_samples("dpm++");
  expect_order(ddim, 1);
  for (size_t i = 1; i < ddim.size(); ++i) {
    EXPECT_LT(dpm_solver[i], dpm_solver[i - 1]);
    EXPECT_LT(dpm_solver[i], ddim[i] / 5);
  }
}

/// The variance of the image after step `last` over all noise, computed from the effect of noise
/// on each step, which is linear.
double variance_after(const Sampler& sampler, const Denoise& denoise, double initial,
                      int64_t last) {
  double variance = initial;
  for (int64_t k = sampler.steps() - 1; k >= last; --k) {
    const auto result = [&](double x, double noise) {
      SamplingState state{.x = at::full({1, 1, 1, 1}, x)};
      sampler.step(denoise, k, constant(noise), state);
      return state.x.item<double>();
    };
    const double slope = result(1, 0) - result(0, 0), added = result(0, 1) - result(0, 0);
    variance = slope * slope * variance + added * added;
  }
  return variance;
}

TEST(LinearSampler, KeepsTheVarianceOfTheForwardProcess) {
  const NoiseSchedule all = cosine_schedule(200);
  const Denoise denoise = exact_denoiser(all, /*s=*/0);  // always the same image
  for (const int64_t steps : {3, 20, 200}) {
    for (const double eta : {-1.0, 0.0, 0.5, 1.0}) {  // -1: ancestral
      const auto sampler =
          make_sampler(eta < 0 ? SamplerConfig{.steps = steps}
                               : SamplerConfig{.kind = "ddim", .steps = steps, .eta = eta},
                       all);
      for (const int64_t last : {int64_t{1}, steps / 2}) {
        const auto level = static_cast<size_t>(sampler->timestep(last - 1));
        EXPECT_NEAR(variance_after(*sampler, denoise, 1 - all.alpha_bar.back(), last) /
                        (1 - all.alpha_bar[level]),
                    1, 1e-3)
            << steps << " steps, eta " << eta << ", after step " << last;
      }
    }
  }
}

TEST(LinearSampler, TheVarianceOfAncestralSamplesApproachesThatOfTheData) {
  const NoiseSchedule all = cosine_schedule(4000);
  std::vector<double> errors;
  for (const int64_t steps : {25, 50, 100, 200}) {
    const auto sampler = make_sampler({.steps = steps}, all);
    const double variance = variance_after(*sampler, exact_denoiser(all, 0.5), 1, 0);
    errors.push_back(std::abs(variance - 0.25));
  }
  expect_order(errors, 1);
  EXPECT_LT(errors.back(), 0.01);
}

TEST(LinearSampler, DdimWithAllItsNoiseIsTheAncestralSampler) {
  for (const auto& timesteps : {std::vector<int64_t>{9, 40, 99}, spread_timesteps(100, 100)}) {
    const NoiseSchedule schedule = respaced(cosine_schedule(100), timesteps);
    const LinearSteps ddim = ddim_steps(schedule, 1), ancestral = ancestral_steps(schedule);
    for (size_t k = 0; k < timesteps.size(); ++k) {
      EXPECT_NEAR(ddim.x0[k], ancestral.x0[k], 1e-12) << k;
      EXPECT_NEAR(ddim.xt[k], ancestral.xt[k], 1e-12) << k;
      EXPECT_NEAR(ddim.deviation[k], ancestral.deviation[k], 1e-12) << k;
    }
  }
}

TEST(LinearSampler, WithOneStepIsTheExpectedImage) {
  const NoiseSchedule all = cosine_schedule(50);
  const Denoise denoise = exact_denoiser(all, 0.5);
  const at::Tensor start = at::full({1, 1, 1, 1}, 1.5);
  const double expected = denoise(start, at::full({1}, 49, at::kLong)).item<double>();
  for (const std::string& kind : sampler_names()) {
    const auto sampler = make_sampler({.kind = kind, .steps = 1}, all);
    EXPECT_NEAR(run_steps(*sampler, denoise, 0), expected, 1e-6) << kind;
  }
}

TEST(LinearSampler, ExtrapolatesOnlyFromTheStepBefore) {
  const NoiseSchedule all = cosine_schedule(50);
  const Denoise denoise = exact_denoiser(all, 0.5);
  const auto dpm_solver = make_sampler({.kind = "dpm++", .steps = 5}, all);
  const auto ddim = make_sampler({.kind = "ddim", .steps = 5}, all);
  const at::Tensor x = at::full({1, 1, 1, 1}, 0.8);
  const auto after = [&](const Sampler& sampler, int64_t step_before) {
    SamplingState state{.x = x, .previous_x0 = x - 1, .previous_step = step_before};
    sampler.step(denoise, 2, constant(0), state);
    EXPECT_EQ(state.previous_step, 2);
    return state.x.item<double>();
  };
  EXPECT_EQ(after(*dpm_solver, -1), after(*ddim, -1));
  EXPECT_EQ(after(*dpm_solver, 2), after(*ddim, -1));  // RePaint repeats a step
  EXPECT_NE(after(*dpm_solver, 3), after(*ddim, -1));
}

TEST(Sampler, VisitsItsTimestepsAndDrawsOnlyTheNoiseThatItUses) {
  const NoiseSchedule all = cosine_schedule(10);
  struct Loop {
    std::vector<int64_t> draws, asked, seen;
  };
  const auto loop = [&](const SamplerConfig& config) {
    Loop result;
    const Denoise denoise = [&](const at::Tensor& x, const at::Tensor& t) {
      result.asked.push_back(t[0].item<int64_t>());
      return x;
    };
    make_sampler(config, all)
        ->sample(
            denoise,
            [&](int64_t draw) {
              result.draws.push_back(draw);
              return at::ones({2, 1, 2, 2});
            },
            [&](int64_t t, const at::Tensor&) { result.seen.push_back(t); });
    return result;
  };
  const Loop ancestral = loop({.steps = 4});
  EXPECT_THAT(ancestral.draws, ElementsAre(10, 9, 7, 4));
  EXPECT_THAT(ancestral.asked, ElementsAre(9, 7, 4, 2));
  EXPECT_EQ(ancestral.seen, ancestral.asked);
  const Loop ddim = loop({.kind = "ddim", .steps = 2});
  EXPECT_THAT(ddim.draws, ElementsAre(10));
  EXPECT_THAT(ddim.asked, ElementsAre(9, 4));
  EXPECT_THAT(loop({.kind = "ddim", .steps = 2, .eta = 0.5}).draws, ElementsAre(10, 9));
}

TEST(SpreadTimesteps, EndAtTheLastOneAndAreDistinct) {
  EXPECT_THAT(spread_timesteps(4, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(spread_timesteps(1000, 4), ElementsAre(249, 499, 749, 999));
  EXPECT_THAT(spread_timesteps(50, 1), ElementsAre(49));
  for (int64_t total = 1; total <= 40; ++total) {
    for (int64_t count = 1; count <= total; ++count) {
      const auto timesteps = spread_timesteps(total, count);
      ASSERT_EQ(timesteps.size(), static_cast<size_t>(count));
      EXPECT_GE(timesteps.front(), 0);
      EXPECT_EQ(timesteps.back(), total - 1);
      for (size_t k = 1; k < timesteps.size(); ++k) EXPECT_GT(timesteps[k], timesteps[k - 1]);
    }
  }
}

TEST(MakeSampler, RefusesSettingsThatDoNotFit) {
  const NoiseSchedule all = cosine_schedule(50);
  expect_error<InputError>([&] { make_sampler({.steps = 51}, all); },
                           AllOf(HasSubstr("sampler.steps is 51"), HasSubstr("from 1 to 50")));
  expect_error<InputError>([&] { make_sampler({.eta = 0.5}, all); },
                           AllOf(HasSubstr("sampler.eta is 0.5"), HasSubstr("ddim")));
  EXPECT_EQ(make_sampler({}, all)->steps(), 50);
}

/// A sampler that jumps to the expected image.
class Jump final : public Sampler {
 public:
  using Sampler::Sampler;
  void step(const Denoise& denoise, int64_t k, const StepNoise&,
            SamplingState& state) const override {
    state.x = denoise(state.x, at::full({state.x.size(0)}, timestep(k), at::kLong));
  }
};

TEST(MakeSampler, AnEntryInTheTableIsAValueOfTheKey) {
  sampler_kinds().push_back(
      {.name = "jump", .make = [](const SamplerConfig&, const NoiseSchedule& schedule, at::Device) {
         return std::make_unique<Jump>(schedule);
       }});
  RunConfig config;
  Schema(config).set(parse_override("sampler.kind=jump"));
  const GaussianDiffusion diffusion({.steps = 9}, config.sampler);
  const at::Tensor made =
      diffusion.sampler().sample([](const at::Tensor& x, const at::Tensor&) { return x * 0.5; },
                                 [](int64_t) {
                                   return at::ones({1, 1, 1, 1});
                                 });
  sampler_kinds().pop_back();
  EXPECT_EQ(made.item<double>(), std::pow(0.5, 9));
  expect_error<InputError>([&] { make_sampler(config.sampler, cosine_schedule(9)); },
                           AllOf(HasSubstr("sampler.kind is jump")));
}

TEST(MakeSampler, EachSamplerMakesImagesLikeTheData) {
  for (const std::string& kind : sampler_names()) {
    const GaussianDiffusion diffusion({.steps = 100, .clamp = false}, {.kind = kind, .steps = 50});
    const at::Tensor x =
        diffusion.sampler().sample(exact_denoiser(diffusion.schedule(), 0.5), [](int64_t draw) {
          return at::randn({1, 1, 100, 100}, at::make_generator<at::CPUGeneratorImpl>(draw));
        });
    EXPECT_NEAR(x.mean().item<double>(), kMean, 0.03) << kind;
    EXPECT_NEAR(x.std().item<double>(), 0.5, 0.05) << kind;
  }
}

}  // namespace
}  // namespace gm
