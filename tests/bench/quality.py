#!/usr/bin/env python3
"""Measures how good the samples of a diffusion recipe are over its training: by sampler, weights and prediction.

Usage: quality.py BUILD RECIPE --data DATA --against IMAGES --out FOLDER [KEY=VALUE...]
    BUILD    a build of gm, such as build/release
    RECIPE   a configuration of a diffusion run, such as configs/quickstart.toml
    DATA     the images to train on, packed with `gm_data pack --holdout 0.1`
    IMAGES   the images that the samples are compared with
    KEY      a key of the recipe to override

Trains the recipe with each prediction, for equal steps, and evaluates the checkpoints. Writes FOLDER/quality-NETWORK.md, with the
distances in the features of a network: those of EfficientNet-Lite0, or, with --extractor inception, the FID. It also has the
losses on training and on held-out images. What is finished is not done again: after an
interruption, or after --minutes, the same command resumes.
"""
import argparse
import collections
import itertools
import json
import pathlib
import subprocess
import sys
import time

# The last checkpoint is also sampled with other numbers of steps, with other seeds, and more samples.
CURVE_SAMPLERS = [("ancestral", 50), ("dpm++", 20), ("dpm++", 10)]
LAST_SAMPLERS = [("ancestral", 50), ("dpm++", 20), ("dpm++", 15), ("dpm++", 10), ("dpm++", 8), ("dpm++", 5)]
SEEDS = (0, 1, 2)
WEIGHTS = ("ema", "model")

Sampling = collections.namedtuple("Sampling", "prediction step weights sampler sampler_steps samples seed")


class OutOfTime(Exception):
    pass


class Bench:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + 60 * options.minutes
        self.steps = range(options.every, options.steps + 1, options.every)
        self.losses, self.distances = {}, {}
        self.compared_with = None  # the images and the network of all distances

    def run(self, program, *arguments):
        """Runs a program of gm. Asks it to stop when the time is over."""
        process = subprocess.Popen([self.options.build / "bin" / program, *map(str, arguments)])
        try:
            status = process.wait(max(0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            raise OutOfTime from None
        if status:
            sys.exit(f"{program} ended with status {status}")

    def train(self, prediction):
        self.run("gm_train", self.options.recipe, f"data.path={self.options.data}", f"run.dir={self.options.out / prediction}",
                 f"diffusion.prediction={prediction}", f"train.steps={self.options.steps}",
                 f"checkpoint.every={self.options.every}", "checkpoint.keep=0", "sample.every=0", *self.options.settings)

    def evaluate(self, name, prediction, step, weights, *arguments):
        """What the figures of gm_eval depend on, and the figures. It has computed them now or earlier."""
        file = self.options.out / "figures" / f"{name}.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            self.run("gm_eval", self.options.out / prediction, "--step", step, "--weights", weights, "--json", file, *arguments)
        found = json.loads(file.read_text())
        return found["evaluations"][0], found["methods"][0]

    def distance(self, sampling):
        """The Frechet distance of samples."""
        name = "-".join(map(str, (self.options.extractor, self.options.against.stem, *sampling)))
        source, figures = self.evaluate(name, *sampling[:3], "--metric", "fd", "--samples", sampling.samples, "--against",
                                        self.options.against, f"evaluate.extractor={self.options.extractor}",
                                        f"evaluate.seed={sampling.seed}", f"sampler.kind={sampling.sampler}",
                                        f"sampler.steps={sampling.sampler_steps}")
        compared_with = source["references_hash"], source["extractor_sha256"]
        self.compared_with = self.compared_with or compared_with
        if compared_with != self.compared_with:
            sys.exit(f"{name}.json in {self.options.out / 'figures'} is a comparison with other images or weights of the network: "
                     "remove the files that are out of date, or choose another folder with --out")
        return figures["fid" if self.options.extractor == "inception" else f"fd_{self.options.extractor}"]

    def loss(self, prediction, weights, step):
        """On training and on held-out images."""
        _, figures = self.evaluate(f"loss-{prediction}-{step}-{weights}", prediction, step, weights, "--metric", "loss")
        return figures["loss_train"], figures["loss_held_out"]

    def curve(self, prediction, weights, step):
        return [Sampling(prediction, step, weights, *sampler, self.options.samples, SEEDS[0]) for sampler in CURVE_SAMPLERS]

    def last(self, prediction, sampler):
        """With other seeds, and with more samples."""
        few, many = self.options.samples, self.options.last_samples
        return [Sampling(prediction, self.steps[-1], WEIGHTS[0], *sampler, samples, seed)
                for samples, seed in [*((few, seed) for seed in SEEDS), (many, SEEDS[0])]]

    def measure(self):
        """The most informative figures first: those of the averaged weights, those of the last step, those of few samples."""
        ema, model = WEIGHTS
        *of_seeds, of_many = zip(*(self.last(*row) for row in itertools.product(self.options.predictions, LAST_SAMPLERS)))
        self.measure_curves(ema)
        self.measure_distances(itertools.chain(*of_seeds))
        self.measure_curves(model)
        self.measure_distances(of_many)

    def measure_curves(self, weights):
        for step, prediction in itertools.product(reversed(self.steps), self.options.predictions):
            self.losses[prediction, weights, step] = self.loss(prediction, weights, step)
            self.measure_distances(self.curve(prediction, weights, step))

    def measure_distances(self, samplings):
        for sampling in samplings:
            self.distances[sampling] = self.distance(sampling)

    def report(self):
        """Tables of all that is measured. A cell is empty if it is not."""
        curves = [["prediction", "weights", "step", "loss, training", "loss, held out", *map(text_of, CURVE_SAMPLERS)]]
        for key in itertools.product(self.options.predictions, WEIGHTS, self.steps):
            losses = [f"{loss:.4f}" for loss in self.losses.get(key, ())] or ["", ""]
            curves.append([*key, *losses, *self.cells(self.curve(*key))])
        few, many = self.options.samples, self.options.last_samples
        last = [["prediction", "sampler", *(f"N = {few:,}, seed {seed}" for seed in SEEDS), f"N = {many:,}"]]
        for prediction, sampler in itertools.product(self.options.predictions, LAST_SAMPLERS):
            last.append([prediction, text_of(sampler), *self.cells(self.last(prediction, sampler))])
        return (f"# {self.options.recipe.name}: distances of samples in the features of {self.options.extractor}\n\n"
                f"During training, N = {few:,}:\n\n{table(curves)}\n"
                f"EMA weights of step {self.steps[-1]:,}:\n\n{table(last)}")

    def cells(self, samplings):
        return [f"{self.distances[sampling]:.2f}" if sampling in self.distances else "" for sampling in samplings]


def text_of(sampler):
    kind, steps = sampler
    return f"{kind} {steps}"


def table(rows):
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--against", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--predictions", nargs="+", default=["noise", "velocity"])
    parser.add_argument("--steps", type=int, default=6000, help="steps of the training")
    parser.add_argument("--every", type=int, default=1000, help="steps between the evaluated checkpoints")
    parser.add_argument("--samples", type=int, default=2000, help="number of samples (N)")
    parser.add_argument("--last-samples", type=int, default=10000, help="number of samples of the last checkpoint")
    parser.add_argument("--extractor", default="lite0", help="evaluate.extractor")
    parser.add_argument("--minutes", type=float, default=120, help="time after which the script stops; it can be resumed")
    options = parser.parse_intermixed_args()
    options.out.mkdir(parents=True, exist_ok=True)

    bench = Bench(options)
    remark = None
    try:
        for prediction in options.predictions:
            bench.train(prediction)
        bench.measure()
    except OutOfTime:
        remark = f"stopped after {options.minutes:g} minutes; the same command resumes"
    (options.out / f"quality-{options.extractor}.md").write_text(bench.report())
    print(bench.report(), end="")
    sys.exit(remark)


if __name__ == "__main__":
    main()
