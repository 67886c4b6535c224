#!/usr/bin/env python3
"""Compares the speed of gm's loader on one core with torchvision's ImageFolder and DataLoader with two workers.

Usage: loader.py BUILD FOLDER [--turns N]
    BUILD   a build of gm, such as build/release
    FOLDER  images, one sub-folder per class

Both read the same images at 32 x 32 in random order, in batches of 32, with and without the augmentation (resize
to 35, random crop, mirroring). The two take turns. Prints medians.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
from torchvision import datasets, transforms

from speed import built

SECONDS = 2.0
TARGETS = {"plain": 150_000, "augmented": 30_000}


def torchvision_rate(folder, kind):
    steps = [transforms.ToTensor(), transforms.Lambda(scale)]
    if kind == "augmented":
        steps = [transforms.Resize((35, 35)), transforms.RandomCrop(32), transforms.RandomHorizontalFlip()] + steps
    dataset = datasets.ImageFolder(folder, transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=32, shuffle=True, num_workers=2, persistent_workers=True
    )
    for _ in loader:  # Starts the workers and fills the page cache.
        pass
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for batch, _ in loader:
            images += len(batch)
    return images / (time.perf_counter() - start)


def scale(pixels):
    return pixels * 2 - 1


def gm_rate(build, packed, kind):
    command = ["taskset", "-c", "0", build / "bench/loader_bench", packed, str(SECONDS), kind]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=built)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packed = pathlib.Path(scratch) / "images.h5"
        pack = [options.build / "bin/gm_data", "pack", options.folder, "--size", "32", "-o", packed]
        subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
        for kind, target in TARGETS.items():
            ours, theirs = [], []
            for _ in range(options.turns):
                ours.append(gm_rate(options.build, packed, kind))
                theirs.append(torchvision_rate(options.folder, kind))
            mine, peer = statistics.median(ours), statistics.median(theirs)
            print(
                f"loader, {kind}: gm {mine:,.0f} images/s on one core (target {target:,}), "
                f"torchvision {peer:,.0f} with 2 workers: {mine / peer:.0f}x (target 20x)"
            )


if __name__ == "__main__":
    main()
