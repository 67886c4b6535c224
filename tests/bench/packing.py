#!/usr/bin/env python3
"""Compares the speed of gm_data pack with a plain Pillow script, each on one core.

Usage: packing.py BUILD FOLDER [--turns N]
    BUILD   a build of gm, such as build/release
    FOLDER  images, one sub-folder per class

Both decode all images of the folder, make them square (bicubic), and write the pixels to a file.
The time excludes start-up on both sides. gm's time includes hashing, verifying and syncing to disk.
The two take turns. Prints medians.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image

TARGET = 2.0


def pillow_rate(folder, size, output):
    """A minimal script."""
    os.sched_setaffinity(0, {0})
    start = time.perf_counter()
    paths = sorted(folder.glob("*/*.jpg"))
    pixels = np.empty((len(paths), size, size, 3), np.uint8)
    for index, path in enumerate(paths):
        image = Image.open(path).convert("RGB")
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.BICUBIC)
        pixels[index] = np.asarray(image)
    np.save(output, pixels)
    return len(paths) / (time.perf_counter() - start)


def gm_rate(build, folder, size, output):
    command = ["taskset", "-c", "0", build / "bin/gm_data", "pack", folder, "--size", str(size)]
    command += ["--fit", "squash", "--jobs", "1", "--out", output]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(re.search(r"\((\d+)/s\)", done.stdout).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    for size in (32, 24):
        ours, theirs = [], []
        for _ in range(options.turns):
            with tempfile.TemporaryDirectory() as scratch:
                scratch = pathlib.Path(scratch)
                ours.append(gm_rate(options.build, options.folder, size, scratch / "a.h5"))
                theirs.append(pillow_rate(options.folder, size, scratch / "a.npy"))
        mine, peer = statistics.median(ours), statistics.median(theirs)
        print(
            f"packing to {size} x {size}, one core: gm {mine:,.0f} images/s, Pillow {peer:,.0f}: "
            f"{mine / peer:.1f}x (target {TARGET:.0f}x)"
        )


if __name__ == "__main__":
    main()
