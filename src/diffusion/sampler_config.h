/// The `[sampler]` section of a run's configuration: how a trained diffusion model makes images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gm {

/// The values of sampler.kind: the names of the table of samplers (diffusion/make_sampler.cpp).
std::vector<std::string> sampler_names();

struct SamplerConfig {
  std::string kind = "ancestral";
  int64_t steps = 0;
  double eta = 0.0;
  int64_t label = -1;
  double guidance = 1.0;

  template <class Fields>
  void describe(Fields& field) {
    field("kind", kind)
        .one_of(sampler_names())
        .help(
            "How images are made of noise: ancestral (DDPM), ddim, or dpm++ (DPM-Solver++(2M)); "
            "the last two need fewer steps.");
    field("steps", steps)
        .range(0, 100'000)
        .help(
            "Reverse steps, spread evenly over the timesteps; 0: one for each of "
            "diffusion.steps.");
    field("eta", eta)
        .range(0.0, 1.0)
        .help(
            "Random noise that ddim adds at each step: from 0 (none) to 1 (as much as ancestral).");
    field("class", label)
        .range(-1, 100'000)
        .help(
            "The class of all images, for a model that was trained with classes; -1: each class in "
            "turn.");
    field("guidance", guidance)
        .range(0.0, 100.0)
        .help(
            "Guidance scale (classifier-free guidance): 1 none; more than 1: images that are more "
            "typical of their class, and vary less.");
  }
};

}  // namespace gm
