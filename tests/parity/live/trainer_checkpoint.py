#!/usr/bin/env python3
"""Converts a .pt checkpoint of a PyTorch trainer with the lines of docs/guide.md. gm_sample must make the images of PyTorch."""

import contextlib
import pathlib
import re
import tempfile

import torch
from denoising_diffusion_pytorch import GaussianDiffusion

from weights_and_samples import (SIDE, STEPS, gm, gm_samples, oracle, oracle_samples, require_equal_images, train,
                                 write_images)

GUIDE = pathlib.Path(__file__).parents[3] / "docs/guide.md"


def lines_of_guide():
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return next(block for block in blocks if "torch.load" in block)


def main():
    torch.manual_seed(0)
    network = oracle()
    # As Trainer.save() of denoising-diffusion-pytorch writes it: the weights within the diffusion, and its tables.
    state = GaussianDiffusion(network, image_size=SIDE, timesteps=STEPS).state_dict()
    optimizer = torch.optim.Adam(network.parameters()).state_dict()
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = pathlib.Path(name)
        torch.save({"step": 1, "model": state, "opt": optimizer, "scaler": None, "version": "0.27.12"}, "model.pt")
        exec(lines_of_guide())
        write_images(folder / "images.idx")
        gm("gm_data", "pack", folder / "images.idx", "--out", folder / "images.h5")
        train(folder, "converted", "train.steps=1", "optimizer.learning_rate=0", "model.weights=model.safetensors")
        require_equal_images(gm_samples(folder, "converted"), oracle_samples(network))


if __name__ == "__main__":
    main()
