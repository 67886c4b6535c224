#!/usr/bin/env python3
"""Resizes images without rounding, as clean-fid does, with Pillow. Writes answers/float_resize.safetensors.

Usage: float_resize_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The images are generated: uint8 [C,H,W], uniform, with counter_random. Stored is, for each case CxHxW_to_SIZE, a sum over
windows that depends on every resized pixel: `NAME` float64 [2,SIZE]: the row and the column sums of the resized image,
each pixel weighted by a random number, and `NAME.corner`, the values of the first rows and columns.
"""

import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

import counter_random

# channels, height, width, size: smaller, larger, equal, of the sizes that people train with.
CASES = [
    *((channels, side, side, 299) for channels in (1, 3) for side in (28, 32, 64, 299, 512)),
    (3, 40, 24, 299),
    (3, 299, 320, 299),
    (3, 32, 32, 224),
    (1, 28, 28, 32),
]


def resized(channel, size):
    image = Image.fromarray(channel.astype(np.float32), mode="F")
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    answers = {}
    for number, (channels, height, width, size) in enumerate(CASES):
        words = counter_random.words(0, counter_random.INPUTS, number, channels * height * width)
        pixels = (words >> np.uint64(24)).astype(np.uint8).reshape(channels, height, width)
        image = np.stack([resized(channel, size) for channel in pixels]).astype(np.float64)
        weights = counter_random.uniform(0, counter_random.PROJECTIONS, number, image.size).reshape(image.shape)
        name = f"{channels}x{height}x{width}_to_{size}"
        answers[name] = np.stack([(image * weights).sum((0, 2)), (image * weights).sum((0, 1))])
        answers[f"{name}.corner"] = image[:, :12, :12].astype(np.float32)
    answers = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in answers.items()}
    save_file(answers, folder / "float_resize.safetensors")


if __name__ == "__main__":
    main()
