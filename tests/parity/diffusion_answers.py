#!/usr/bin/env python3
"""Runs GaussianDiffusion of denoising-diffusion-pytorch. Writes tests/parity/answers/diffusion.safetensors.

Usage: diffusion_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The network is a formula. The noise comes from counter_random. diffusion_test.cpp uses the same values.
"""

import math
import pathlib
import sys
from unittest import mock

import torch
from denoising_diffusion_pytorch import GaussianDiffusion
from safetensors.torch import save_file

import counter_random

SHAPE = (3, 3, 8, 8)
STEPS = 50


class Formula(torch.nn.Module):
    """Predicts noise that depends on the image and the timestep."""

    channels = out_dim = 3
    self_condition = learned_sinusoidal_cond = False

    def forward(self, x, t, _=None):
        return 0.75 * x + 0.01 * t.view(-1, 1, 1, 1) - 0.125


def keyed(position, low=-1.0, high=1.0):
    values = counter_random.uniform(0, counter_random.INPUTS, position, math.prod(SHAPE), low, high)
    return torch.from_numpy(values.reshape(SHAPE))


def noise(draw):
    return keyed(100 + draw, -2.0, 2.0)


def sampled(diffusion):
    """The image after each step of a sampling loop with known noise."""
    draws = iter(range(STEPS - 1, 0, -1))
    images = []
    p_sample = diffusion.p_sample

    def recorded(*arguments):
        images.append(p_sample(*arguments))
        return images[-1]

    with mock.patch("torch.randn", lambda *_, **__: noise(STEPS)), \
            mock.patch("torch.randn_like", lambda _: noise(next(draws))), \
            mock.patch.object(diffusion, "p_sample", recorded):
        diffusion.sample(batch_size=SHAPE[0])
    return [image for image, _ in images]


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)

    answers = {}
    for steps in (1, STEPS, 1000):
        diffusion = GaussianDiffusion(Formula(), image_size=8, timesteps=steps)
        answers[f"beta_{steps}"] = diffusion.betas
        answers[f"alpha_bar_{steps}"] = diffusion.alphas_cumprod
        answers[f"posterior_x0_{steps}"] = diffusion.posterior_mean_coef1
        answers[f"posterior_xt_{steps}"] = diffusion.posterior_mean_coef2
        answers[f"posterior_variance_{steps}"] = diffusion.posterior_variance

    for steps in (STEPS, 1000):
        diffusion = GaussianDiffusion(Formula(), image_size=8, timesteps=steps, beta_schedule="linear")
        answers[f"linear_beta_{steps}"] = diffusion.betas
        answers[f"linear_alpha_bar_{steps}"] = diffusion.alphas_cumprod

    diffusion = GaussianDiffusion(Formula(), image_size=8, timesteps=STEPS)
    x0, t = keyed(0), torch.tensor([0, 17, STEPS - 1])
    x = diffusion.q_sample(x0, t, noise(0))
    mean, _, _ = diffusion.q_posterior(x0, x, t)
    answers["q_sample"] = x
    answers["loss"] = diffusion.p_losses(x0, t, noise(0))
    squared = GaussianDiffusion(Formula(), image_size=8, timesteps=STEPS, loss_type="l2")
    answers["loss_l2"] = squared.p_losses(x0, t, noise(0))
    answers["predicted_x0"] = diffusion.predict_start_from_noise(x, t, noise(1))
    answers["posterior_mean"] = mean
    steps = sampled(diffusion)
    answers["sampled_after_first_step"] = steps[0]
    answers["sampled_halfway"] = steps[STEPS // 2]
    answers["sampled"] = steps[-1]
    save_file({k: v.contiguous() for k, v in answers.items()}, folder / "diffusion.safetensors")


if __name__ == "__main__":
    main()
