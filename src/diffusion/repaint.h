/// Inpainting by a diffusion model that was not trained on masks. At each reverse step, the known
/// pixels are taken from the image, with the noise of that step. Adding noise again and denoising
/// several times makes the new pixels consistent with the known ones. Lugmayr et al., "RePaint:
/// Inpainting using denoising diffusion probabilistic models", CVPR 2022.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "diffusion/gaussian_diffusion.h"
#include "diffusion/repaint_config.h"

namespace gm {

/// The noise level of an image after each move, from `steps` (only noise) to 0 (clear); `steps` are
/// those of the sampler. Each move
/// changes the level by one: down (a reverse step) or up (noise is added). At the levels 1,
/// 1 + jump_length, 1 + 2 jump_length, ... from which a jump does not lead beyond `steps`, the
/// image moves up jump_length levels and down again, resamplings - 1 times. This is the paper's
/// schedule.
///
/// Throws InputError unless jump_length is less than `steps` (or resamplings is 1) and there are at
/// most ten million moves.
std::vector<int64_t> repaint_levels(int64_t steps, const RepaintConfig& config);

/// `images` [N,C,H,W] in [-1,1] with new pixels where `masks` [N,1,H,W] is 1, and bitwise unchanged
/// pixels where it is 0. `noise` gets the number of the draw, so that a test can inject draws: draw
/// 0 is the initial image. Move i >= 1 down uses draw 2i for the reverse step and draw 2i + 1 for
/// the known pixels; the last move, to level 0, uses neither. Move i up uses draw 2i. Runs without
/// gradients. `on_step` (may be empty) is called after each reverse step. Works with the levels of
/// any sampler of `diffusion`; only the noise that the sampler uses is drawn.
at::Tensor repaint(const GaussianDiffusion& diffusion, const Denoise& denoise,
                   const at::Tensor& images, const at::Tensor& masks, const RepaintConfig& config,
                   const NoiseSource& noise, const StepCallback& on_step = {});

}  // namespace gm
