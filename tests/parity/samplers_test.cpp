// Compares the samplers with those of diffusers (sampler_answers.py).
#include <gtest/gtest.h>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "diffusion/gaussian_diffusion.h"

namespace gm::parity {
namespace {

constexpr int64_t kSamplerTimesteps = 1000, kSamplerSteps = 10;

at::Tensor sampler_noise(int64_t draw) {
  return counter_uniform(0, kInputs, 100 + static_cast<uint64_t>(draw), {2, 3, 4, 4}, -2.0, 2.0);
}

at::Tensor predicted_noise(const at::Tensor& x, const at::Tensor& t) {
  return 0.8 * x + 0.0002 * t.view({-1, 1, 1, 1}) - 0.1;
}

at::Tensor predicted_velocity(const at::Tensor& x, const at::Tensor& t) {
  return 0.3 * x + 0.0003 * t.view({-1, 1, 1, 1}) - 0.1;
}

struct SamplerCase {
  const char* name;
  SamplerConfig sampler;
  NoiseScheduleKind schedule = NoiseScheduleKind::kLinear;
  bool is_clamped = false;  // then the network predicts the noise, else the velocity
};

const std::vector<SamplerCase> kSamplerCases{
    {.name = "ancestral_clamped", .sampler = {}, .is_clamped = true},
    {.name = "ancestral", .sampler = {}},
    {.name = "ancestral_cosine", .sampler = {}, .schedule = NoiseScheduleKind::kCosine},
    {.name = "ddim_clamped", .sampler = {.kind = "ddim"}, .is_clamped = true},
    {.name = "ddim_eta", .sampler = {.kind = "ddim", .eta = 0.7}},
    {.name = "ddim_cosine", .sampler = {.kind = "ddim"}, .schedule = NoiseScheduleKind::kCosine},
    {.name = "dpm_solver", .sampler = {.kind = "dpm++"}},
    {.name = "dpm_solver_cosine",
     .sampler = {.kind = "dpm++"},
     .schedule = NoiseScheduleKind::kCosine},
};

/// Allows an error of `ulps` of float32 at the largest value of the oracle.
void expect_near(const at::Tensor& actual, const at::Tensor& known, double ulps,
                 const std::string& what) {
  ASSERT_EQ(actual.sizes(), known.sizes()) << what;
  const double scale = known.abs().max().item<double>() * 0x1p-23;
  EXPECT_LE((actual - known).abs().max().item<double>() / scale, ulps) << what;
}

TEST(SamplerParity, LoopsAgreeWithDiffusers) {
  const TensorMap expected = load_safetensors(answer("samplers.safetensors"));
  for (SamplerCase one : kSamplerCases) {
    one.sampler.steps = kSamplerSteps;
    const GaussianDiffusion diffusion(
        {.steps = kSamplerTimesteps,
         .schedule = one.schedule,
         .clamp = one.is_clamped,
         .prediction = one.is_clamped ? PredictionKind::kNoise : PredictionKind::kVelocity},
        one.sampler);
    std::vector<int64_t> timesteps;
    std::vector<at::Tensor> images;
    diffusion.sampler().sample(
        diffusion.denoise_by(one.is_clamped ? predicted_noise : predicted_velocity), sampler_noise,
        [&](int64_t t, const at::Tensor& x) {
          timesteps.push_back(t);
          images.push_back(x);
        });
    const std::string name = one.name;
    EXPECT_TRUE(at::equal(at::tensor(timesteps), expected.at(name + "_timesteps"))) << name;
    ASSERT_EQ(images.size(), static_cast<size_t>(kSamplerSteps)) << name;
    expect_near(images[kSamplerSteps / 2 - 1], expected.at(name + "_halfway"), 32, name);
    expect_near(images.back(), expected.at(name + "_sampled"), 32, name);
  }
}

}  // namespace
}  // namespace gm::parity
