#!/usr/bin/env python3
"""Exchanges weights between gm and Python in both directions, and compares the images that both sample.

gm trains a small model. The Unet of the oracle loads its weights, samples with the same noise as gm, and must
make the images of gm_sample. gm_train loads weights that Python saved, and saves them unchanged.
"""

import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Unet
from ema_pytorch import EMA
from PIL import Image
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import counter_random  # noqa: E402

BIN = pathlib.Path(os.environ["GM_BIN_DIR"])
SAMPLING_STREAM = 5  # Stream::kSampling of src/base/counter_rng.h
SIDE, COUNT, STEPS, SEED, LINE, SCALE = 32, 4, 10, 11, 2, 2


def gm(program, *arguments):
    subprocess.run([BIN / program, *map(str, arguments)], check=True, timeout=300)


def write_images(path):
    pixels = np.random.default_rng(1).integers(0, 256, (64, SIDE, SIDE), dtype=np.uint8)
    path.write_bytes(struct.pack(">IIII", 0x803, *pixels.shape) + pixels.tobytes())


def train(folder, run, *arguments):
    gm("gm_train", f"data.path={folder / 'images.h5'}", f"run.dir={folder / run}", "model.dim=8", "model.dim_mults=[1,2]",
       f"diffusion.steps={STEPS}", "train.batch_size=16", "train.accumulate=1", "sample.count=1", "telemetry.port=0",
       *arguments)
    return folder / run / "checkpoints/latest"


def counter_normal(draw):
    """counter_sampling_noise() of src/diffusion/counter_noise.h: the Box-Muller transform, two values from two words."""
    noise = np.empty((COUNT, SIDE * SIDE), dtype=np.float32)
    for index in range(COUNT):
        words = counter_random.words(SEED, SAMPLING_STREAM, index, SIDE * SIDE, draw)
        uniform = ((words >> np.uint64(8)).astype(np.float32) + np.float32(1)) * np.float32(2.0**-24)
        radius = np.sqrt(np.float32(-2) * np.log(uniform[0::2]))
        angle = np.float32(2 * math.pi) * uniform[1::2]
        noise[index, 0::2], noise[index, 1::2] = radius * np.cos(angle), radius * np.sin(angle)
    return torch.from_numpy(noise.reshape(COUNT, 1, SIDE, SIDE))


def oracle():
    return Unet(dim=8, dim_mults=(1, 2), channels=1)


def oracle_with(weights):
    network = oracle()
    network.load_state_dict(weights)
    return network


@torch.no_grad()
def oracle_samples(network):
    diffusion = GaussianDiffusion(network, image_size=SIDE, timesteps=STEPS)
    images = counter_normal(STEPS)
    for t in reversed(range(STEPS)):
        with mock.patch("torch.randn_like", lambda _, t=t: counter_normal(t)):
            images, _ = diffusion.p_sample(images, t)
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()[:, 0]


def grid_images(path):
    grid, cell = np.array(Image.open(path)), SIDE * SCALE + LINE
    starts = [(LINE + row * cell, LINE + column * cell) for row in range(2) for column in range(2)]
    return np.stack([grid[y:y + SIDE * SCALE:SCALE, x:x + SIDE * SCALE:SCALE] for y, x in starts])


def gm_samples(folder, run):
    gm("gm_sample", folder / run, "--count", COUNT, "--seed", SEED, "--out", folder / "grid.png")
    return grid_images(folder / "grid.png")


def require_equal_images(ours, theirs):
    worst = np.abs(ours.astype(int) - theirs.astype(int)).max()
    print(f"images of {STEPS} steps differ by at most {worst} of 255 levels; the oracle's have a standard deviation of {theirs.std():.0f}")
    assert theirs.std() > 10, "the images are almost uniform, so that their comparison means nothing"
    assert worst <= 1, worst


def wrapped(weights):
    """A network with these weights, plain and in common training wrappers, which add prefixes to the names."""
    def network():
        return oracle_with(weights)
    averaged = EMA(GaussianDiffusion(network(), image_size=SIDE, timesteps=STEPS))
    for parameter in averaged.online_model.parameters():
        parameter.data.zero_()  # So that the averaged network differs from the online network.
    return {"python": network(), "data_parallel": torch.nn.DataParallel(network()), "compile": torch.compile(network()),
            "swa": torch.optim.swa_utils.AveragedModel(network()), "ema_pytorch": averaged}


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_images(folder / "images.idx")
        gm("gm_data", "pack", folder / "images.idx", "--out", folder / "images.h5")

        checkpoint = train(folder, "from_gm", "train.steps=20")
        require_equal_images(gm_samples(folder, "from_gm"), oracle_samples(oracle_with(load_file(checkpoint / "ema.safetensors"))))

        weights = oracle().state_dict()
        for wrapper, network in wrapped(weights).items():
            save_file({key: value.clone().contiguous() for key, value in network.state_dict().items()},
                      folder / "python.safetensors")
            back = load_file(train(folder, f"from_{wrapper}", "train.steps=1", "optimizer.learning_rate=0",
                                   f"model.weights={folder / 'python.safetensors'}") / "model.safetensors")
            assert back.keys() == weights.keys(), wrapper
            assert all(torch.equal(back[key], weights[key]) for key in weights), wrapper
        print(f"{len(weights)} tensors of Python were unchanged, for every wrapper")


if __name__ == "__main__":
    main()
