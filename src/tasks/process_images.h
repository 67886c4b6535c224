/// Strips that show a diffusion process: images turning into noise, and noise into images. Beneath
/// each noisy image is the clean image that the model expects for it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/batch.h"
#include "tasks/diffusion_process.h"

namespace gm {

/// The steps at 0, 25, 50, 75 and 99 % of a process of `steps` steps; fewer than five if some of
/// them are the same.
std::vector<int64_t> strip_steps(int64_t steps);

/// "t = 0" and so on: the timesteps of the parts of forward_process_images() of a process of
/// `steps` steps, and of reverse_process_images() with `sampler`, which may visit fewer timesteps.
std::vector<std::string> forward_process_labels(int64_t steps);
std::vector<std::string> reverse_process_labels(const Sampler& sampler);

/// The images of `batch`, which are on the device of the process, with the noise of each of the
/// timesteps strip_steps(), and the clean images that the model expects: [n,C,2*H,S*W] for S steps,
/// from clear to noise. An image gets the noise of (`seed`, its position). Without labels, the
/// classes of the images are not known.
at::Tensor forward_process_images(DiffusionProcess& process, const Batch& batch, uint64_t seed);

/// The samples of `request` while they are generated: the noisy images from which each of the
/// sampler's strip_steps() starts, and the clean images that the model expects: [n,C,2*H,S*W] for S
/// steps, from noise to clear.
at::Tensor reverse_process_images(DiffusionProcess& process, const SampleRequest& request,
                                  const SamplingObserver& observer);

}  // namespace gm
