/// How a diffusion model that was trained without masks inpaints.
#pragma once

#include <cstdint>

namespace gm {

/// Keys `repaint.*`: the two parameters of Lugmayr et al., "RePaint: Inpainting using denoising
/// diffusion probabilistic models", 2022.
struct RepaintConfig {
  int64_t jump_length = 10;
  int64_t resamplings = 10;

  template <class Fields>
  void describe(Fields& field) {
    field("jump_length", jump_length)
        .range(1, 100'000)
        .help(
            "Steps of noise that RePaint adds again at each jump; less than diffusion.steps and "
            "sampler.steps.");
    field("resamplings", resamplings)
        .range(1, 1000)
        .help("Times that RePaint denoises each segment of jump_length steps; 1: no jumps.");
  }
};

}  // namespace gm
