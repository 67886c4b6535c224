#!/usr/bin/env python3
"""Compares training with gm's operators and with ATen's: runs the cats recipe with both, and with another seed.

Usage: curves.py BUILD DATA --out FOLDER [--steps N] [KEY=VALUE...]
    BUILD   a build of gm, such as build/release
    DATA    photos of cats, packed with `gm_data pack --size 32`
    KEY     a key of the recipe to override

Starts three runs in FOLDER at the same time. After an interruption, the same command resumes them. Prints the mean difference
of the smoothed losses between the operators and between the seeds, and draws both into FOLDER/curves.svg. Runs with the same
seed use the same images and noise, so their losses differ only by the rounding of the operators, which grows over the steps.
"""
import argparse
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys

RECIPE = pathlib.Path(__file__).parents[2] / "configs/ddpm_cats.toml"
SMOOTHED_STEPS = 50
OWN, ATEN, OTHER_SEED = "own operators", "ATen's operators", "own operators, another seed"


def start(options, folder, seed, kernels):
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // 3))}
    environment.pop("GM_KERNELS", None)
    return subprocess.Popen([options.build / "bin/gm_train", RECIPE, f"data.path={options.data}",
                             f"run.dir={options.out / folder}", f"run.seed={seed}", f"train.steps={options.steps}",
                             "sample.every=0", "checkpoint.every=100", "telemetry.port=0", *options.settings],
                            stdout=subprocess.DEVNULL, env={**environment, **kernels})


def train(options):
    """The losses of each run, in the order of the steps."""
    runs = {OWN: ("own", 0, {}), ATEN: ("aten", 0, {"GM_KERNELS": "aten"}), OTHER_SEED: ("seed1", 1, {})}
    processes = [start(options, *run) for run in runs.values()]
    statuses = [process.wait() for process in processes]
    if any(statuses):
        sys.exit(f"the runs ended with {statuses}")
    return {name: losses(options.out / folder / "metrics.jsonl") for name, (folder, _, _) in runs.items()}


def losses(path):
    lines = map(json.loads, path.read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def smooth(values):
    """Moving averages over SMOOTHED_STEPS steps. The first one belongs to step number SMOOTHED_STEPS."""
    sums = [0, *itertools.accumulate(values)]
    return [(after - before) / SMOOTHED_STEPS for before, after in zip(sums, sums[SMOOTHED_STEPS:])]


def differences(one, other):
    return [abs(a - b) for a, b in zip(one, other)]


class Panel:
    """A chart of lines over the steps, as SVG."""
    LEFT, WIDTH, HEIGHT = 70, 720, 230

    def __init__(self, title, top, steps, low, high):
        self.top, self.steps, self.low, self.high = top, steps, low, high
        between = float(f"{(high - low) / 4:.0e}")
        ticks = [low + i * between for i in range(int((high - low) / between + 1.001))]
        right, bottom = self.LEFT + self.WIDTH, top + self.HEIGHT
        self.parts = [f'<text x="{self.LEFT}" y="{top - 10}" font-weight="bold">{title}</text>']
        for tick in ticks:
            self.parts.append(f'<path d="M{self.LEFT} {self.y(tick):.1f}H{right}" stroke="#ddd"/>'
                              f'<text x="{self.LEFT - 8}" y="{self.y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
        for step in range(0, steps + 1, max(1, steps // 5)):
            self.parts.append(f'<text x="{self.x(step):.1f}" y="{bottom + 18}" text-anchor="middle">{step:,}</text>')
        self.parts.append(f'<path d="M{self.LEFT} {top}V{bottom}H{right}" fill="none" stroke="#444"/>')
        self.lines = 0

    def x(self, step):
        return self.LEFT + self.WIDTH * step / self.steps

    def y(self, value):
        return self.top + self.HEIGHT * (self.high - value) / (self.high - self.low)

    def line(self, name, values, style):
        """Draws `values`, one per step from SMOOTHED_STEPS. Values above the panel are left out."""
        points = " ".join(f"{self.x(step):.1f},{self.y(value):.1f}"
                          for step, value in enumerate(values, SMOOTHED_STEPS) if step % 5 == 0 and value <= self.high)
        key_x, key_y = self.LEFT + self.WIDTH - 260, self.top + 16 + 18 * self.lines
        self.lines += 1
        self.parts.append(f'<polyline points="{points}" fill="none" {style}/>'
                          f'<path d="M{key_x} {key_y}h26" {style}/><text x="{key_x + 34}" y="{key_y + 4}">{name}</text>')


def draw(path, smoothed, operators, seeds):
    steps = len(smoothed[OWN]) + SMOOTHED_STEPS - 1
    top = Panel(f"Loss, mean of {SMOOTHED_STEPS} steps", 40, steps, 0.1, 0.3)
    top.line(OTHER_SEED, smoothed[OTHER_SEED], 'stroke="#bbb" stroke-width="2"')
    top.line(OWN, smoothed[OWN], 'stroke="#1f77b4" stroke-width="3"')
    top.line(ATEN, smoothed[ATEN], 'stroke="#d62728" stroke-width="1.5" stroke-dasharray="6 4"')
    with_room_for_the_key = 1.35 * max(operators + seeds)
    bottom = Panel("Difference of these losses", 350, steps, 0, with_room_for_the_key)
    bottom.line("between two seeds", seeds, 'stroke="#bbb" stroke-width="2"')
    bottom.line("between own and ATen's operators", operators, 'stroke="#d62728" stroke-width="1.5"')
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 830 620" font-family="sans-serif" font-size="13">'
                    '<rect width="830" height="620" fill="#fff"/>' + "\n".join(top.parts + bottom.parts) + "</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_intermixed_args()
    options.out.mkdir(parents=True, exist_ok=True)

    smoothed = {name: smooth(values) for name, values in train(options).items()}
    operators, seeds = (differences(smoothed[OWN], smoothed[other]) for other in (ATEN, OTHER_SEED))
    draw(options.out / "curves.svg", smoothed, operators, seeds)
    print(f"mean difference of the smoothed losses (over {SMOOTHED_STEPS} steps) in {options.steps} steps: between own and "
          f"ATen's operators {statistics.mean(operators):.5f}, between two seeds {statistics.mean(seeds):.5f}")


if __name__ == "__main__":
    main()
