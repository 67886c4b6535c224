#!/usr/bin/env python3
"""Computes metrics of inpainted images with scikit-image, and harmonic inpainting with SciPy. Writes
answers/baselines.safetensors.

Usage: baseline_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

Each case has `NAME.original` and `NAME.filled` [C,H,W] in [-1,1], `NAME.mask` [H,W] with 1 for masked pixels,
`NAME.harmonic` [C,H,W], and `NAME.whole` and `NAME.masked`: PSNR, SSIM and mean absolute difference of the
images, scaled to [0,1].
"""

import pathlib
import sys

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
from safetensors.torch import save_file
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

import counter_random


def keyed(position, shape, low=0.0, high=1.0):
    values = counter_random.uniform(0, counter_random.INPUTS, position, int(np.prod(shape)), low, high)
    return values.reshape(shape).astype(np.float32)


def original_of(case, shape):
    """Waves and some noise."""
    channels, height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(0.3 * x + 0.2 * (c + 1) * y + case) for c in range(channels)]
    return (0.7 * np.stack(waves) + keyed(case, shape, -0.3, 0.3)).astype(np.float32)


def masks(height, width):
    """A box in the middle, a box in a corner, single pixels, and all pixels except one."""
    box, corner = np.zeros((2, height, width), np.uint8)
    box[height // 4 : height // 4 + height // 2, width // 3 : -2] = 1
    corner[: height // 2, : width // 2] = 1
    few = (keyed(50, (height, width)) < 0.3).astype(np.uint8)
    most = np.ones((height, width), np.uint8)
    most[2, 3] = 0
    return {"box": box, "corner": corner, "few": few, "most": most}


def harmonic(image, mask):
    """Solves Laplace's equation in the masked area of one channel, on the graph of neighbouring pixels."""
    height, width = mask.shape
    number = np.arange(height * width).reshape(height, width)
    pairs = np.concatenate(
        [
            np.stack([number[:, 1:].ravel(), number[:, :-1].ravel()]),
            np.stack([number[1:].ravel(), number[:-1].ravel()]),
        ],
        axis=1,
    )
    ones = np.ones(pairs.shape[1])
    edges = scipy.sparse.coo_matrix((ones, pairs), shape=(number.size, number.size))
    laplacian = scipy.sparse.csgraph.laplacian((edges + edges.T).tocsr()).tocsr()
    missing, known = np.flatnonzero(mask), np.flatnonzero(mask == 0)
    values = image.astype(np.float64).ravel()
    right = -laplacian[missing][:, known] @ values[known]
    values[missing] = scipy.sparse.linalg.spsolve(laplacian[missing][:, missing].tocsc(), right)
    return values.reshape(mask.shape).astype(np.float32)


def metrics(filled, original, mask):
    """PSNR, SSIM and L1 of the whole and of the masked area; images [H,W,C] from 0 to 1."""
    whole_ssim, ssim_map = structural_similarity(
        original,
        filled,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=-1,
        full=True,
    )
    masked = mask.astype(bool)
    masked_error = mean_squared_error(original[masked], filled[masked])
    whole = [peak_signal_noise_ratio(original, filled, data_range=1), whole_ssim]
    within = [10 * np.log10(1 / masked_error), ssim_map[masked].mean()]
    return (
        np.array([*whole, np.abs(original - filled).mean()]),
        np.array([*within, np.abs(original - filled)[masked].mean()]),
    )


def to_unit(image):
    return np.moveaxis((image.astype(np.float64).clip(-1, 1) + 1) / 2, 0, -1)


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    answers = {}
    for case, shape in enumerate([(3, 16, 16), (1, 11, 24), (3, 23, 13)]):
        for name, mask in masks(*shape[1:]).items():
            original = original_of(case, shape)
            smooth = np.stack([harmonic(channel, mask) for channel in original])
            filled = np.where(mask, smooth + keyed(70 + case, shape, -0.5, 0.5), original)
            whole, masked = metrics(to_unit(filled), to_unit(original), mask)
            key = f"{name}_{'x'.join(map(str, shape))}"
            answers |= {
                f"{key}.original": original,
                f"{key}.mask": mask,
                f"{key}.filled": filled,
                f"{key}.harmonic": smooth,
                f"{key}.whole": whole,
                f"{key}.masked": masked,
            }
    answers = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in answers.items()}
    save_file(answers, folder / "baselines.safetensors")


if __name__ == "__main__":
    main()
