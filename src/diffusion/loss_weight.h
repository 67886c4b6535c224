/// How much each timestep counts in the loss of a diffusion. A loss weight knows neither the noise
/// schedule nor what the network predicts: both give it numbers.
#pragma once

#include "diffusion/diffusion_config.h"

namespace gm {

/// The weight of diffusion.loss_weight at a time at which the ratio of signal to noise, alpha_bar /
/// (1 - alpha_bar), is `snr`, and a squared error of 1 of the output means `x0_error`
/// (Prediction::x0_error):
/// * uniform: 1, for the errors of the network's output. Ho et al., 2020, equation 14.
/// * min_snr: min(snr, gamma) for the errors of the clean image, whatever the network predicts.
///   Hang et al., "Efficient diffusion training via min-SNR weighting strategy", 2023, section 3.4.
///   The paper derives the weights for the loss l2.
double loss_weight(const DiffusionConfig& config, double snr, double x0_error);

}  // namespace gm
