#!/usr/bin/env python3
"""Compares the speed of gm_eval with that of clean-fid: from a folder of images to a distance, and the distance alone.

Usage: eval_speed.py BUILD FOLDER [--count N] [--rounds N]
    BUILD    a build of gm, such as build/release, after: cmake --build --preset release --target bench
    FOLDER   images of 32 x 32 pixels

Run it with the Python of `./launch/setup --oracles`. Both compute the features of EfficientNet-Lite0 with the weights that
launch/lite0_weights.py fetches, for the same images, on all cores. The contestants take turns, and a ratio compares two turns
of the same round. Prints the medians of the seconds and of the CPU seconds, of whole programs from start to end. clean-fid ends
with the moments of the features, gm with the distance.
"""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from speed import CORES, MPI_AS_ROOT, TUNED, Contestant, built, machine, table

PARITY = pathlib.Path(__file__).parents[1] / "parity"
WEIGHTS = pathlib.Path.home() / ".cache/gm/efficientnet_lite0.safetensors"
SIDE, BATCH = 224, 50
DIMENSION = 2048  # of the network of the FID
FEWEST_SAMPLES = 4  # that gm_eval compares with the images


def measure_peer(folder, workers):
    """clean-fid's features of the images of the folder, and their moments."""
    import numpy as np
    import torch
    from cleanfid import fid, resize
    from safetensors.torch import load_file

    sys.path.insert(0, str(PARITY))
    import lite0_answers

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    weights = load_file(WEIGHTS)
    features = fid.get_folder_features(folder, lambda pixels: lite0_answers.network(pixels, weights), num_workers=int(workers),
                                       batch_size=BATCH, device=torch.device("cpu"), verbose=False,
                                       custom_fn_resize=resize.make_resizer("PIL", False, "bicubic", (SIDE, SIDE)))
    print(np.mean(features, axis=0).mean(), np.cov(features, rowvar=False).mean())


def serve_peer(dimension):
    """The peer of frechet_speed.cpp."""
    import numpy as np
    from cleanfid import fid

    random = np.random.default_rng(0)
    sets = [random.standard_normal((2 * dimension, dimension)) for _ in range(2)]
    moments = [(np.mean(one, axis=0), np.cov(one, rowvar=False)) for one in sets]
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            fid.frechet_distance(*moments[0], *moments[1])
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


class Pipeline:
    """A whole program, from the folder to the number."""

    def __init__(self, name, command, threads=CORES, environment=None):
        self.name, self.command, self.seconds, self.cpu_seconds = name, list(map(str, command)), [], []
        self.environment = {**os.environ, **MPI_AS_ROOT, "OMP_NUM_THREADS": str(threads), **(environment or {})}

    def turn(self):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(self.command, check=True, env=self.environment, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds.append(time.perf_counter() - start)
        self.cpu_seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def compared_with(self, first):
        def ratio(mine, peers):
            return statistics.median(peer / own for own, peer in zip(mine, peers))
        return {"name": self.name, "seconds": statistics.median(self.seconds), "ratio": ratio(self.seconds, first.seconds),
                "CPU seconds": statistics.median(self.cpu_seconds), "ratio of CPU seconds": ratio(self.cpu_seconds, first.cpu_seconds)}


def make_run(build, images, scratch):
    """A run whose samples cost almost nothing."""
    run = scratch / "run"
    subprocess.run([build / "bin/gm_train", f"data.path={images}", f"data.cache={scratch / 'cache'}", f"run.dir={run}",
                    "data.image_size=32", "data.classes=all", "model.dim=8", "model.dim_mults=[1]", "diffusion.steps=2",
                    "train.steps=1", "sample.every=0", "telemetry.port=0"], check=True, stdout=subprocess.DEVNULL)
    return run


def pipelines(build, images, scratch):
    gm = [build / "bin/gm_eval", make_run(build, images, scratch), "--metric", "fd", "--samples", FEWEST_SAMPLES, "--against",
          images, f"evaluate.extractor_file={WEIGHTS}", f"evaluate.batch_size={BATCH}"]
    peer = [sys.executable, __file__, "--peer-pipeline", images]
    two_ranks = ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", 2]
    contestants = [Pipeline("clean-fid, no workers", [*peer, 0]), Pipeline("clean-fid, 2 workers", [*peer, 2]),
                   Pipeline("clean-fid, no workers, allocator tuned", [*peer, 0], environment=TUNED),
                   Pipeline("gm", gm), Pipeline("gm, one thread", gm, threads=1),
                   Pipeline("gm, 2 ranks of one thread", [*two_ranks, *gm], threads=1)]
    return contestants


def race_pipelines(options, scratch):
    images = scratch / "images"
    images.mkdir()
    files = sorted(file for file in options.folder.rglob("*") if file.suffix in (".jpg", ".png"))[:options.count]
    for number, file in enumerate(files):
        (images / f"{number:06}{file.suffix}").symlink_to(file.resolve())
    contestants = pipelines(options.build, images, scratch)
    for _ in range(options.rounds):
        for contestant in contestants:
            shutil.rmtree(scratch / "cache", ignore_errors=True)  # gm packs the images and computes the features each time
            contestant.turn()
    return [contestant.compared_with(contestants[0]) for contestant in contestants]


def race_distances(build, rounds):
    contestants = [Contestant("clean-fid, scipy.linalg.sqrtm", [sys.executable, __file__, "--peer-distance", DIMENSION]),
                   Contestant("gm", [build / "bench/frechet_speed", DIMENSION])]
    turns = [[contestant.turn(1) for contestant in contestants] for _ in range(rounds)]
    for contestant in contestants:
        contestant.close()
    return [{"name": contestant.name, "seconds": statistics.median(1 / turn[i] for turn in turns),
             "ratio": statistics.median(turn[i] / turn[0] for turn in turns)} for i, contestant in enumerate(contestants)]


def main():
    if sys.argv[1:2] == ["--peer-pipeline"]:
        return measure_peer(*sys.argv[2:])
    if sys.argv[1:2] == ["--peer-distance"]:
        return serve_peer(int(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=built)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=2000, help="number of images")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"# {machine()}, medians of {options.rounds} rounds\n")
    print(f"## A distance of {DIMENSION} features\n\n{table(race_distances(options.build, options.rounds))}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        print(f"## From a folder of {options.count} images to a distance\n\n{table(race_pipelines(options, pathlib.Path(scratch)))}")


if __name__ == "__main__":
    main()
