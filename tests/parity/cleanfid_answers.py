#!/usr/bin/env python3
"""Computes features, FID and KID with clean-fid. Writes answers/cleanfid.safetensors.

Usage: cleanfid_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The network of the FID cannot be committed. In its place clean-fid loads a small TorchScript network with the same parts:
`layers` maps images [n,3,299,299] to 2048 values. Its weights are generated with counter_random, and cleanfid_test.cpp
makes the same network. Images, uint8 [C,H,W], are generated too and written as PNG files.

`features.SET`   clean-fid's features of the images of a set, every 16th value
`fid`, `kid`     between the sets. Both have the same size, so each of clean-fid's random subsets is the whole set
"""

import pathlib
import sys
import tempfile

import numpy as np
import torch
from cleanfid import fid
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image
from safetensors.torch import save_file

import counter_random

# A product of covariances of few images is singular: its square root is not exact to more digits.
TOLERANCE = 1e-3

IMAGES = 24
SIDE = 32


class Layers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        weight = counter_random.uniform(0, counter_random.WEIGHTS, 0, 8 * 3 * 14 * 14, -0.1, 0.1)
        self.weight = torch.nn.Parameter(torch.from_numpy(weight.reshape(8, 3, 14, 14)), requires_grad=False)

    def forward(self, x):
        return torch.relu(torch.conv2d(x, self.weight, None, [19, 19])).flatten(1)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()

    def forward(self, x):
        return self.layers((x - 128) / 128)


def write_images(folder, number, largest):
    """Uniform noise from 0 to `largest`: the two sets differ in brightness."""
    words = counter_random.words(0, counter_random.INPUTS, number, IMAGES * 3 * SIDE * SIDE)
    pixels = (words >> np.uint64(16)) * np.uint64(largest) >> np.uint64(16)
    for i, image in enumerate(pixels.astype(np.uint8).reshape(IMAGES, 3, SIDE, SIDE)):
        Image.fromarray(np.moveaxis(image, 0, -1)).save(folder / f"{i:04}.png")


def features(folder, model):
    files = sorted(str(path) for path in folder.glob("*.png"))
    return fid.get_files_features(files, model=model, num_workers=0, device=torch.device("cpu"), mode="clean", verbose=False)


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    sets = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        torch.jit.script(Network()).save(str(scratch / "inception-2015-12-05.pt"))
        model = InceptionV3W(str(scratch), download=False)
        for number, largest in enumerate((256, 230)):
            images = scratch / str(number)
            images.mkdir()
            write_images(images, number, largest)
            with torch.no_grad():
                sets.append(features(images, model))
    answers = {
        "features.0": sets[0][:, ::16],
        "features.1": sets[1][:, ::16],
        "fid": np.array([fid.fid_from_feats(*sets)]),
        "kid": np.array([fid.kernel_distance(*sets)], dtype=np.float64),
    }
    answers = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in answers.items()}
    save_file(answers, folder / "cleanfid.safetensors")


if __name__ == "__main__":
    main()
