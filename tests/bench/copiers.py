#!/usr/bin/env python3
"""Checks that `gm_eval --metric neighbours` tells models that copy their training images from models that do not.

Usage: copiers.py BUILD --out FOLDER [KEY=VALUE...]
    BUILD   a build of gm, such as build/release
    KEY     a key to override in every training

Trains the recipe of the quickstart on 5,400 images with three seeds, and the same network on 100 images with three seeds
until it knows them by heart. Writes FOLDER/copiers.md. Exits with 1 if a copier is below the fraction of near samples from which gm
calls a model a copier, or a model of the quickstart is above it. After an interruption, the same command resumes.
"""
import argparse
import gzip
import json
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
# By model: images in all, the share that is held out, settings that differ from the recipe.
MODELS = {"copier": (200, 0.5, ["train.steps=4000", "data.flip=false", "optimizer.schedule=constant"]),
          "quickstart": (6000, 0.1, [])}
SEEDS = (0, 1, 2)
SAMPLES = 500
COPIER = 0.25  # from this fraction of near samples on, gm says that the model seems to copy
HEADER = 16  # bytes before the pixels of an IDX file of images


def first_images(path, count):
    """Writes an IDX file of the first images."""
    with gzip.open(IMAGES) as images:
        kind, _, height, width = struct.unpack(">IIII", images.read(HEADER))
        path.write_bytes(struct.pack(">IIII", kind, count, height, width) + images.read(count * height * width))


class Bench:
    def __init__(self, options):
        self.bin, self.out, self.settings = options.build / "bin", options.out, options.settings

    def run(self, program, *arguments):
        subprocess.run([self.bin / program, *map(str, arguments)], check=True)

    def packed(self, name):
        count, held_out, _ = MODELS[name]
        path = self.out / f"{name}.h5"
        if not path.exists():
            first_images(path.with_suffix(".idx"), count)
            self.run("gm_data", "pack", path.with_suffix(".idx"), "--size", 16, "--holdout", held_out, "--out", path)
        return path

    def figures(self, name, seed):
        """How near the samples of a model are to its training images. Trains the model first."""
        run, file = self.out / f"{name}{seed}", self.out / f"{name}{seed}.json"
        self.run("gm_train", ROOT / "configs/quickstart.toml", f"data.path={self.packed(name)}", f"run.dir={run}", f"run.seed={seed}",
                 "sample.every=0", *MODELS[name][2], *self.settings)
        if not file.exists():
            self.run("gm_eval", run, "--metric", "neighbours", "--samples", SAMPLES, "evaluate.extractor=lite0", "--json", file,
                     "--image", file.with_suffix(".png"))
        return json.loads(file.read_text())["methods"][0]

    def rows(self):
        for name in MODELS:
            for seed in SEEDS:
                found = self.figures(name, seed)
                yield name, seed, found["neighbours_near_lite0"], found["neighbours_ratio_lite0"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_intermixed_args()
    options.out.mkdir(parents=True, exist_ok=True)

    rows = list(Bench(options).rows())
    table = "| model | seed | near samples | ratio of distances |\n|---|---|---|---|\n"
    table += "".join(f"| {name} | {seed} | {near:.3f} | {ratio:.2f} |\n" for name, seed, near, ratio in rows)
    (options.out / "copiers.md").write_text(table)
    print(table, end="")
    wrong = [row for row in rows if (row[2] >= COPIER) != (row[0] == "copier")]
    sys.exit(f"judged wrongly: {wrong}" if wrong else None)


if __name__ == "__main__":
    main()
