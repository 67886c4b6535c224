#!/usr/bin/env python3
"""Computes features, FID and KID with clean-fid from folders of PNG files. Writes answers/cleanfid.safetensors.

Usage: cleanfid_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The network of the FID cannot be committed. In its place clean-fid loads a small TorchScript network with the same parts:
`layers` maps images [n,3,299,299] to 2048 values. Its weights are generated with counter_random, and cleanfid_test.cpp
makes the same network. Images, uint8 [H,W,C], are generated too, in sizes that are enlarged, kept and made smaller.

Of each pair of folders, `CASE` = `SIDExCHANNELS`:
`CASE.features.SET`      clean-fid's features of the images of a set, every 16th of the values that are compared
`CASE.fid`, `CASE.kid`   between the sets. Both have the same size, so each of clean-fid's random subsets is the whole set
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

# The side and the channels of the images, the images of a set, and the values of a feature that are compared: all of them
# once, because SciPy's square root of 2048 x 2048 takes long.
CASES = [
    (28, 3, 12, 256),
    (28, 1, 12, 256),
    (32, 3, 24, 2048),
    (32, 1, 12, 256),
    (64, 3, 12, 256),
    (64, 1, 12, 256),
    (299, 3, 6, 256),
    (299, 1, 6, 256),
    (512, 3, 6, 256),
    (512, 1, 6, 256),
]
# The two sets of a case differ in brightness.
LARGEST = (256, 230)


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


def write_images(folder, case, number):
    """Blocks of 4 x 4 equal pixels plus noise, so that resizing meets edges, areas and single pixels."""
    side, channels, count, _ = CASES[case]
    coarse = -(-side // 4)
    blocks = counter_random.words(case, counter_random.INPUTS, 2 * number, count * coarse * coarse * channels)
    blocks = (blocks >> np.uint64(25)).reshape(count, coarse, coarse, channels)
    noise = counter_random.words(case, counter_random.INPUTS, 2 * number + 1, count * side * side * channels)
    noise = (noise >> np.uint64(25)).reshape(count, side, side, channels)
    sum_of_both = blocks.repeat(4, 1).repeat(4, 2)[:, :side, :side] + noise  # from 0 to 254
    pixels = (sum_of_both * np.uint64(LARGEST[number]) >> np.uint64(8)).astype(np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image if channels == 3 else image[..., 0]).save(folder / f"{i:04}.png", compress_level=1)


def features(folder, model):
    files = sorted(str(path) for path in folder.glob("*.png"))
    return fid.get_files_features(files, model=model, num_workers=0, device=torch.device("cpu"), mode="clean", verbose=False)


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    answers = {}
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        scratch = pathlib.Path(scratch)
        torch.jit.script(Network()).save(str(scratch / "inception-2015-12-05.pt"))
        model = InceptionV3W(str(scratch), download=False)
        for case, (side, channels, _, compared) in enumerate(CASES):
            sets, name = [], f"{side}x{channels}"
            for number in range(len(LARGEST)):
                images = scratch / f"{name}.{number}"
                images.mkdir()
                write_images(images, case, number)
                sets.append(features(images, model)[:, :: 2048 // compared])
                answers[f"{name}.features.{number}"] = sets[-1][:, ::16]
            answers[f"{name}.fid"] = np.array([fid.fid_from_feats(*sets)])
            answers[f"{name}.kid"] = np.array([fid.kernel_distance(*sets)], dtype=np.float64)
    save_file({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in answers.items()},
              folder / "cleanfid.safetensors")


if __name__ == "__main__":
    main()
