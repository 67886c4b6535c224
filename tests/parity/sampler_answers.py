#!/usr/bin/env python3
"""Runs samplers of diffusers. Writes tests/parity/answers/samplers.safetensors.

Usage: sampler_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The networks are formulas. The noise comes from counter_random. samplers_test.cpp uses the same values.
"""

import math
import pathlib
import sys
from unittest import mock

import counter_random
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from safetensors.torch import save_file

SHAPE = (2, 3, 4, 4)
TIMESTEPS = 1000
STEPS = 10
SPACING = {"num_train_timesteps": TIMESTEPS, "timestep_spacing": "trailing"}


def noise(draw):
    values = counter_random.uniform(0, counter_random.INPUTS, 100 + draw, math.prod(SHAPE), -2.0, 2.0)
    return torch.from_numpy(values.reshape(SHAPE))


def predicted_noise(x, t):
    return 0.8 * x + 0.0002 * t - 0.1


def predicted_velocity(x, t):
    return 0.3 * x + 0.0003 * t - 0.1


def in_double_precision(scheduler):
    """diffusers multiplies 1000 factors in float32. That error would hide others."""
    if scheduler.config.beta_schedule == "linear":
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
    else:
        kept = [math.cos((t / TIMESTEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(TIMESTEPS + 1)]
        betas = torch.tensor([min(1 - b / a, 0.999) for a, b in zip(kept, kept[1:])], dtype=torch.float64)
    assert torch.allclose(scheduler.betas.double(), betas, rtol=1e-4)
    scheduler.alphas_cumprod = torch.cumprod(1 - betas, 0)
    scheduler.set_timesteps(STEPS)
    return scheduler


def sampled(name, scheduler, network, step):
    """The timesteps, and the image after 5 steps and after all of them."""
    x = noise(TIMESTEPS)
    images = []
    for t in in_double_precision(scheduler).timesteps:
        x = step(network(x, t), t, x)
        images.append(x)
    return {
        f"{name}_timesteps": scheduler.timesteps,
        f"{name}_halfway": images[STEPS // 2 - 1],
        f"{name}_sampled": images[-1],
    }


def ddim(name, eta, network, **settings):
    scheduler = DDIMScheduler(**SPACING, **settings)
    clipped = scheduler.config.clip_sample

    def step(output, t, x):
        added = noise(int(t)) if eta else None
        return scheduler.step(output, t, x, eta, use_clipped_model_output=clipped, variance_noise=added).prev_sample

    return sampled(name, scheduler, network, step)


def ddpm(name, network, **settings):
    scheduler = DDPMScheduler(**SPACING, **settings)

    def step(output, t, x):
        with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: noise(int(t))):
            return scheduler.step(output, t, x).prev_sample

    return sampled(name, scheduler, network, step)


def dpm_solver(name, network, **settings):
    scheduler = DPMSolverMultistepScheduler(**SPACING, **settings)
    return sampled(name, scheduler, network, lambda output, t, x: scheduler.step(output, t, x).prev_sample)


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)

    velocity = {"prediction_type": "v_prediction"}
    cosine = {"beta_schedule": "squaredcos_cap_v2"}
    answers = {
        **ddpm("ancestral_clamped", predicted_noise),
        **ddpm("ancestral", predicted_velocity, clip_sample=False, **velocity),
        **ddpm("ancestral_cosine", predicted_velocity, clip_sample=False, **velocity, **cosine),
        **ddim("ddim_clamped", 0, predicted_noise),
        **ddim("ddim_eta", 0.7, predicted_velocity, clip_sample=False, **velocity),
        **ddim("ddim_cosine", 0, predicted_velocity, clip_sample=False, **velocity, **cosine),
        **dpm_solver("dpm_solver", predicted_velocity, **velocity),
        **dpm_solver("dpm_solver_cosine", predicted_velocity, **velocity, **cosine),
    }
    save_file({k: v.contiguous() for k, v in answers.items()}, folder / "samplers.safetensors")


if __name__ == "__main__":
    main()
