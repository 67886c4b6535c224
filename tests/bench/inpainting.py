#!/usr/bin/env python3
"""Compares all inpainting methods: trains the recipes one after the other, and evaluates them on held-out images.

Usage: inpainting.py DATA --out FOLDER [KEY=VALUE...]
    DATA    photos, packed with `gm_data pack --size 32 --holdout 0.1`
    KEY     a key to override in every recipe

After an interruption, the same command resumes. Writes the metrics and the image of gm_eval into FOLDER/comparison.json, .md
and .png. Exits with 1 if the expected ranking does not hold: the U-Net must be closer to the originals than the baselines,
and the GAN closer than the mean fill and sharper than the U-Net.
"""
import argparse
import json
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).parents[2]
RECIPES = {"U-Net": "inpaint_cats", "GAN": "gan_inpaint_cats", "diffusion conditioned on the mask": "ddpm_inpaint_cats",
           "RePaint": "ddpm_cats"}
COLUMNS = {"psnr_masked": "PSNR in the masked area", "psnr": "PSNR", "ssim_masked": "SSIM in the masked area", "l1_masked": "L1 in the masked area",
           "sharpness_masked": "sharpness in the masked area"}


def run(*command):
    subprocess.run([REPOSITORY / "launch/local", *command], check=True)


def train(options):
    for recipe in RECIPES.values():
        run(REPOSITORY / f"configs/{recipe}.toml", f"data.path={options.data}", f"run.dir={options.out / recipe}",
            *options.settings)


def compare(options):
    """The metrics of each method, by its name."""
    run("gm_eval", *(options.out / recipe for recipe in RECIPES.values()), "--json", options.out / "comparison.json",
        "--image", options.out / "comparison.png")
    names = {str(options.out / recipe): name for name, recipe in RECIPES.items()}
    methods = json.loads((options.out / "comparison.json").read_text())["methods"]
    return {names.get(method["name"], method["name"]): method for method in methods}


def table(methods):
    lines = [["", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS))]
    lines += [[name, *(f"{method[column]:.{2 if 'psnr' in column or 'sharp' in column else 3}f}" for column in COLUMNS)]
              for name, method in methods.items()]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def broken_promises(methods):
    def nearer(one, other):
        return methods[one]["psnr_masked"] > methods[other]["psnr_masked"]

    promises = {
        "the U-Net is closer to the originals than the mean fill": nearer("U-Net", "mean fill"),
        "the U-Net is closer to the originals than the harmonic fill": nearer("U-Net", "harmonic fill"),
        "the GAN is closer to the originals than the mean fill": nearer("GAN", "mean fill"),
        "the GAN is sharper than the U-Net": methods["GAN"]["sharpness_masked"] > methods["U-Net"]["sharpness_masked"],
    }
    return [promise for promise, holds in promises.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_intermixed_args()
    options.out.mkdir(parents=True, exist_ok=True)

    train(options)
    methods = compare(options)
    (options.out / "comparison.md").write_text(table(methods))
    print(table(methods), end="")
    if broken := broken_promises(methods):
        sys.exit("\n".join(f"does not hold: {promise}" for promise in broken))


if __name__ == "__main__":
    main()
