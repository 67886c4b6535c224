#include "tasks/process_images.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
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

}  // namespace

DdpmTask& require_process(Task& task, const std::string& asked) {
  auto* const ddpm = dynamic_cast<DdpmTask*>(&task);
  if (ddpm == nullptr || ddpm->image_generator() == nullptr) {
    throw InputError("{}: the run generates no images from noise (run.task, diffusion.condition)",
                     asked);
  }
  return *ddpm;
}

std::vector<int64_t> strip_steps(int64_t steps) {
  std::vector<int64_t> result;
  for (const int64_t percent : {0, 25, 50, 75, 99}) result.push_back(steps * percent / 100);
  return result;
}

std::vector<std::string> forward_process_labels(int64_t steps) {
  return labels_of(strip_steps(steps));
}

std::vector<std::string> reverse_process_labels(const Sampler& sampler) {
  return labels_of(reverse_timesteps(sampler));
}

at::Tensor forward_process_images(const GaussianDiffusion& diffusion, const at::Tensor& images,
                                  uint64_t seed) {
  const auto noise = counter_normal(seed, Stream::kNoise, at::arange(images.size(0), at::kLong),
                                    /*draw=*/0, images.sizes().slice(1), images.device());
  std::vector<at::Tensor> moments;
  for (const int64_t t : strip_steps(diffusion.steps())) {
    moments.push_back(diffusion.levels().add_noise(
        images, at::full({images.size(0)}, t, images.options().dtype(at::kLong)), noise));
  }
  return at::cat(moments, /*dim=*/3);
}

at::Tensor reverse_process_images(DdpmTask& task, uint64_t seed, const at::Tensor& indices,
                                  const SamplingObserver& observer) {
  const auto timesteps = reverse_timesteps(task.diffusion().sampler());
  std::vector<at::Tensor> moments;
  task.sample(seed, indices, [&](int64_t t, const at::Tensor& images) {
    // If a process has few steps, several of the timesteps are the same.
    const auto times = std::count(timesteps.begin(), timesteps.end(), t);
    for (int64_t i = 0; i < times; ++i) moments.push_back(images.clone());
    observer(t, images);
  });
  return at::cat(moments, /*dim=*/3);
}

}  // namespace gm
