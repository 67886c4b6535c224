#!/usr/bin/env python3
"""Computes outputs and gradients with Unet of denoising-diffusion-pytorch. Writes tests/parity/answers/unet_*.

Usage: unet_answers.py [FOLDER]        (FOLDER defaults to the committed answers)

Weights, inputs and the weights of the loss are random numbers from counter_random. unet_test.cpp generates the
same values. A gradient is summarised by its norm and its projections on two random vectors. An error of the
gradient changes them by the same magnitude, and 276 gradients take only 3 KB.
"""

import math
import pathlib
import sys

import numpy as np
import torch
from denoising_diffusion_pytorch import Unet
from denoising_diffusion_pytorch.denoising_diffusion_pytorch import ResnetBlock
from safetensors.torch import save_file

import counter_random

CASES = [(dim, channels) for dim in (8, 16, 64) for channels in (1, 3)]
UNTIMED_CASES = [(16, 2, 1), (16, 4, 3)]  # dim, channels in, channels out
IMAGES, SIZE, STEPS = 2, 32, 50


def keyed(stream, position, shape, low=-1.0, high=1.0):
    values = counter_random.uniform(0, stream, position, math.prod(shape), low, high)
    return torch.from_numpy(values.reshape(shape))


def set_weights(network):
    """Values like those of a trained network: gains near 1, non-zero biases, no dead channels."""
    for index, (name, parameter) in enumerate(network.named_parameters()):
        if name.endswith(("norm.weight", ".g")):
            low, high = 0.8, 1.2
        elif name.endswith("bias"):
            low, high = -0.3, 0.3
        else:
            high = math.sqrt(3.0 / math.prod(parameter.shape[1:]))
            low = -high
        value = keyed(counter_random.WEIGHTS, index, tuple(parameter.shape), low, high)
        parameter.data.copy_(value)


def summary(index, gradient):
    g = gradient.double().flatten()
    projections = [
        torch.dot(g, keyed(counter_random.PROJECTIONS, 2 * index + i, (g.numel(),)).double()).item()
        for i in range(2)
    ]
    return [g.norm().item(), *projections]


class NoTime(torch.nn.Module):
    def forward(self, _):
        return None


def without_time(network):
    """Removes the time layers, as in ResnetBlock(time_emb_dim=None). The Unet of the package has no option for it."""
    network.time_mlp = NoTime()
    for module in network.modules():
        if isinstance(module, ResnetBlock):
            module.mlp = None
    return network


def answer(network, channels_in, channels_out):
    set_weights(network)
    x = keyed(counter_random.INPUTS, 0, (IMAGES, channels_in, SIZE, SIZE)).requires_grad_()
    t = torch.tensor([3, STEPS - 1])
    output = network(x, t)
    (output * keyed(counter_random.INPUTS, 1, (IMAGES, channels_out, SIZE, SIZE))).sum().backward()
    gradients = [summary(i, p.grad) for i, p in enumerate(network.parameters())]
    return {
        "output": output.detach(),
        "input_gradient": x.grad,
        "gradients": torch.tensor(gradients, dtype=torch.float64),
    }


def names(network):
    return "".join(f"{n} {' '.join(map(str, p.shape))}\n" for n, p in network.named_parameters())


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    for dim, channels in CASES:
        network = Unet(dim, dim_mults=(1, 2, 4, 8), channels=channels)
        tensors = answer(network, channels, channels)
        save_file(tensors, folder / f"unet_dim{dim}_channels{channels}.safetensors")
        if (dim, channels) == (16, 3):
            (folder / "unet_parameters.txt").write_text(names(network))
    for dim, channels_in, channels_out in UNTIMED_CASES:
        network = without_time(Unet(dim, dim_mults=(1, 2, 4, 8), channels=channels_in, out_dim=channels_out))
        tensors = answer(network, channels_in, channels_out)
        save_file(tensors, folder / f"unet_untimed_dim{dim}_in{channels_in}_out{channels_out}.safetensors")
        if channels_out == 3:
            (folder / "unet_untimed_parameters.txt").write_text(names(network))


if __name__ == "__main__":
    main()
