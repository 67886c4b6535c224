/// Strips that show the diffusion process: images turning into noise, and noise into images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tasks/ddpm.h"

namespace gm {

/// The task as a DdpmTask, which generates images from noise and so has a process to show. Throws
/// InputError for any other task; `asked` names the option that needs the process.
DdpmTask& require_process(Task& task, const std::string& asked);

/// The steps at 0, 25, 50, 75 and 99 % of a process of `steps` steps.
std::vector<int64_t> strip_steps(int64_t steps);

/// "t = 0" and so on: the timesteps of the parts of forward_process_images() of a process of
/// `steps` steps, and of reverse_process_images() with `sampler`, which may visit fewer timesteps.
std::vector<std::string> forward_process_labels(int64_t steps);
std::vector<std::string> reverse_process_labels(const Sampler& sampler);

/// The images `images` ([n,C,H,W] in [-1,1], on the device of `diffusion`) with the noise of each
/// of the timesteps strip_steps(): [n,C,H,5*W], from clear to noise. Image i gets the noise of
/// (`seed`, i).
at::Tensor forward_process_images(const GaussianDiffusion& diffusion, const at::Tensor& images,
                                  uint64_t seed);

/// The samples `indices` of the series of `seed` while they are generated: after each of the
/// sampler's strip_steps(), [n,C,H,5*W], from noise to clear.
at::Tensor reverse_process_images(DdpmTask& task, uint64_t seed, const at::Tensor& indices,
                                  const SamplingObserver& observer);

}  // namespace gm
