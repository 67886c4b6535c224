#include "tasks/process_images.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>

#include "diffusion/counter_noise.h"

namespace gm {
namespace {

std::vector<std::string> labels_of(const std::vector<int64_t>& timesteps) {
  std::vector<std::string> labels;
  for (const int64_t t : timesteps) labels.push_back(fmt::format("t = {}", t));
  return labels;
}

/// The timesteps at which the steps strip_steps() of the sampler start, in the order of the loop.
std::vector<int64_t> reverse_timesteps(const Sampler& sampler) {
  std::vector<int64_t> timesteps;
  for (const int64_t k : strip_steps(sampler.steps())) timesteps.push_back(sampler.timestep(k));
  std::ranges::reverse(timesteps);
  return timesteps;
}

/// The noisy images with the clean ones beneath them.
at::Tensor above(const at::Tensor& noisy, const at::Tensor& clean) {
  return at::cat({noisy, clean}, /*dim=*/2);
}

}  // namespace

std::vector<int64_t> strip_steps(int64_t steps) {
  std::vector<int64_t> result;
  for (const int64_t percent : {0, 25, 50, 75, 99}) {
    const int64_t step = steps * percent / 100;
    if (result.empty() || step != result.back()) result.push_back(step);
  }
  return result;
}

std::vector<std::string> forward_process_labels(int64_t steps) {
  return labels_of(strip_steps(steps));
}

std::vector<std::string> reverse_process_labels(const Sampler& sampler) {
  return labels_of(reverse_timesteps(sampler));
}

at::Tensor forward_process_images(DiffusionProcess& process, const Batch& batch, uint64_t seed) {
  const at::NoGradGuard no_gradients;
  const at::Tensor& images = batch.images;
  const auto noise = counter_normal(seed, Stream::kNoise, batch.positions,
                                    /*draw=*/0, images.sizes().slice(1), images.device());
  const Denoise denoise = process.denoiser(batch.labels);
  std::vector<at::Tensor> parts;
  for (const int64_t t : strip_steps(process.diffusion().steps())) {
    const at::Tensor timesteps = at::full({images.size(0)}, t, images.options().dtype(at::kLong));
    const at::Tensor noisy = process.diffusion().levels().add_noise(images, timesteps, noise);
    parts.push_back(above(noisy, denoise(noisy, timesteps)));
  }
  return at::cat(parts, /*dim=*/3);
}

at::Tensor reverse_process_images(DiffusionProcess& process, const SampleRequest& request,
                                  const SamplingObserver& observer) {
  const Sampler& sampler = process.diffusion().sampler();
  const auto timesteps = reverse_timesteps(sampler);
  const Denoise denoise = process.denoiser(process.labels(request.indices));
  at::Tensor part;  // of the current step; the first that it asks for
  const auto keep = [&](const at::Tensor& x, const at::Tensor& t) {
    at::Tensor clean = denoise(x, t);
    if (!part.defined()) part = above(x, clean);
    return clean;
  };
  std::vector<at::Tensor> parts;
  const auto end_step = [&](int64_t t, const at::Tensor& images) {
    if (std::ranges::find(timesteps, t) != timesteps.end()) parts.push_back(part);
    part.reset();
    observer(t, images);
  };
  sampler.sample(keep, process.noise(request), end_step);
  return at::cat(parts, /*dim=*/3);
}

}  // namespace gm
