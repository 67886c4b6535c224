#!/usr/bin/env python3
"""Computes distances between sets of features with NumPy and SciPy. Writes answers/distances.safetensors.

Usage: distance_answers.py [FOLDER]   (FOLDER defaults to the committed answers)

Each case has `NAME.samples` and `NAME.references` [n,D] and
`NAME.mean`, `NAME.covariance`   numpy.mean and numpy.cov of the samples, in float64
`NAME.frechet`                   the Frechet distance: with scipy.linalg.sqrtm if the covariances are regular, else with
                                 the nuclear norm of the product of the centred features
`NAME.kid`                       the unbiased estimate and its jackknife error, computed anew without each feature
`NAME.precision_recall`          precision and recall
`NAME.nearest`, `NAME.distance`  the nearest reference of each sample
"""

import pathlib
import sys

import numpy as np
import scipy.linalg
import torch
from safetensors.torch import save_file
from scipy.spatial.distance import cdist

import counter_random

# name: dimension, samples, references
CASES = {"regular": (12, 150, 90), "singular": (64, 20, 33), "one_singular": (16, 10, 60)}


def features(position, count, dimension, shift, scale):
    """Correlated features with a mean that is large compared with their spread."""
    noise = counter_random.uniform(0, counter_random.INPUTS, position, count * dimension, -1, 1)
    values = noise.reshape(count, dimension)
    return (shift + scale * (values + 0.5 * values[:, ::-1])).astype(np.float32)


def frechet(samples, references, is_regular):
    a, b = samples.astype(np.float64), references.astype(np.float64)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    if is_regular:
        trace = scipy.linalg.sqrtm(first @ second).trace().real
    else:
        centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
        trace = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    difference = a.mean(0) - b.mean(0)
    return difference @ difference + np.trace(first) + np.trace(second) - 2 * trace


def unbiased_kid(a, b):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x):
        return (kernel(x, x).sum() - np.trace(kernel(x, x))) / (len(x) * (len(x) - 1))

    return within(a) + within(b) - 2 * kernel(a, b).mean()


def kid(samples, references):
    a, b = samples.astype(np.float64), references.astype(np.float64)
    variance = 0
    for without in (
        [unbiased_kid(np.delete(a, i, 0), b) for i in range(len(a))],
        [unbiased_kid(a, np.delete(b, i, 0)) for i in range(len(b))],
    ):
        n = len(without)
        variance += (n - 1) / n * ((without - np.mean(without)) ** 2).sum()
    return np.array([unbiased_kid(a, b), np.sqrt(variance)])


def fraction_within(points, centres):
    radii = np.sort(cdist(centres, centres), axis=1)[:, 3]  # column 0 is the point itself
    return (cdist(points, centres) <= radii).any(1).mean()


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    answers = {}
    for number, (name, (dimension, count, others)) in enumerate(CASES.items()):
        samples = features(2 * number, count, dimension, 1.0, 0.5)
        references = features(2 * number + 1, others, dimension, 1.2, 0.6)
        distances = cdist(samples.astype(np.float64), references.astype(np.float64))
        answers |= {
            f"{name}.samples": samples,
            f"{name}.references": references,
            f"{name}.mean": samples.astype(np.float64).mean(0),
            f"{name}.covariance": np.cov(samples.astype(np.float64), rowvar=False),
            f"{name}.frechet": np.array([frechet(samples, references, name == "regular")]),
            f"{name}.kid": kid(samples, references),
            f"{name}.precision_recall": np.array(
                [fraction_within(samples, references), fraction_within(references, samples)]
            ),
            f"{name}.nearest": distances.argmin(1),
            f"{name}.distance": distances.min(1),
        }
    save_file(
        {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in answers.items()},
        folder / "distances.safetensors",
    )


if __name__ == "__main__":
    main()
