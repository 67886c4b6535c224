#!/usr/bin/env python3
"""Races gm's training step against the oracle package in PyTorch eager, stock settings, same cores.

Usage: training_step.py GM_BENCH_FOLDER [--rounds N] [--steps N]

Both train the reference network: width 16, 32x32 pixels, two micro-batches of 32, Adam; drawing noise
is inside the step. The contestants run in turns, a few steps each, in processes of their own. "as ranks"
are two processes of one thread with half of each micro-batch, without the exchange of gradients.
Prints the medians in images a second and their ratio to the stock one.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

BATCH, MICRO_BATCHES, SIZE = 32, 2, 32


def serve_oracle(threads, batch):
    """The peer: steps on demand, as training_step.cpp does."""
    import resource
    import time

    import torch
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    torch.set_num_threads(threads)
    network = Unet(dim=16, dim_mults=(1, 2, 4, 8), channels=3)
    diffusion = GaussianDiffusion(network, image_size=SIZE, timesteps=50, loss_type="l1")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, SIZE, SIZE)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            for _ in range(MICRO_BATCHES):
                (diffusion(images) / MICRO_BATCHES).backward()
            optimizer.step()
            optimizer.zero_grad()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(seconds, peak, flush=True)


class Contestant:
    """One or more processes that train at the same time, each on its share of the batch."""

    def __init__(self, name, command, processes=1):
        self.name, self.rates, self.peak = name, [], 0.0
        threads = 2 // processes
        arguments = [*command, str(threads), str(BATCH // processes)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.processes = [
            subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env=environment) for _ in range(processes)
        ]

    def run(self, steps):
        for process in self.processes:
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
        answers = [process.stdout.readline().split() for process in self.processes]
        self.peak = max(self.peak, *(float(peak) for _, peak in answers))
        return steps * MICRO_BATCHES * BATCH / max(float(seconds) for seconds, _ in answers)


def race(contestants, rounds, steps):
    for contestant in contestants:
        contestant.run(2)  # warm-up
    for _ in range(rounds):
        for contestant in contestants:
            contestant.rates.append(contestant.run(steps))


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve_oracle(int(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where the program training_step lies")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()

    ours = [str(options.folder / "training_step")]
    oracle = [sys.executable, __file__, "--serve"]
    contestants = [
        Contestant("PyTorch eager, stock", oracle),
        Contestant("gm", ours),
        Contestant("PyTorch eager, as ranks", oracle, processes=2),
        Contestant("gm, as ranks", ours, processes=2),
    ]
    race(contestants, options.rounds, options.steps)
    stock = statistics.median(contestants[0].rates)
    for contestant in contestants:
        rate = statistics.median(contestant.rates)
        print(f"{contestant.name:24} {rate:7.1f} img/s  {rate / stock:5.2f}x  "
              f"peak {contestant.peak:4.0f} MiB a process")


if __name__ == "__main__":
    main()
