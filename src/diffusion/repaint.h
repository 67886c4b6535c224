/// Masks filled by a diffusion model that knows nothing of masks: at each reverse step the known
/// pixels are taken from the image, with the noise of that step. Going back into the noise and
/// denoising anew, several times over, brings the filling into harmony with what is around it.
/// Lugmayr et al., "RePaint: Inpainting using denoising diffusion probabilistic models", CVPR 2022.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "diffusion/gaussian_diffusion.h"
#include "diffusion/repaint_config.h"

namespace gm {

/// The way of an image from noise to clear: its noise level after each move, from `steps` (nothing
/// but noise) to 0 (clear). Each move goes one level down (a reverse step) or up (into the noise).
/// At the levels 1, 1 + jump_length, 1 + 2 jump_length, ... from which a jump does not lead beyond
/// `steps`, the way goes up jump_length levels and down again, resamplings - 1 times over: the
/// paper's schedule.
///
/// Throws InputError where the jumps would not fit: jump_length must be less than `steps`, unless
/// resamplings is 1, and at most ten million moves are made.
std::vector<int64_t> repaint_levels(int64_t steps, const RepaintConfig& config);

/// `images` [N,C,H,W] in [-1,1] with new pixels where `masks` [N,1,H,W] is 1, and as they were,
/// to the bit, where it is 0. `noise` is asked for two draws a move, counted from 0, so that a test
/// can inject them: 0 starts the filling; a move number i >= 1 down takes draw 2i for the reverse
/// step and 2i + 1 for the known pixels (neither on the last move to level 0), one up takes 2i.
/// Runs without gradients. `on_step` (may be empty) is called after each reverse step.
at::Tensor repaint(const GaussianDiffusion& diffusion, const NoisePredictor& network,
                   const at::Tensor& images, const at::Tensor& masks, const RepaintConfig& config,
                   const NoiseSource& noise, const StepCallback& on_step = {});

}  // namespace gm
