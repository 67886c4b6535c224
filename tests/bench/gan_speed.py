#!/usr/bin/env python3
"""Compares the time of a step of gm's GAN with the sum of its parts, and with PyTorch, on the cores of this machine.

Usage: gan_speed.py BUILD [--rounds N] [--json]
    BUILD   a build of gm, such as build/release

Run it with a Python that has torch and denoising-diffusion-pytorch (`./launch/setup --oracles`); it also runs the PyTorch side.
The contestants take turns, as in speed.py, and a ratio compares two turns of the same round. All train the networks of the
default configuration: U-Net of width 16, patch discriminator of width 32 with spectral norms, minimax losses, 32 x 32 pixels,
two micro-batches of 32. The PyTorch side is a usual training script: it detaches the images for the discriminator, and
discards the gradients that the backward pass of the generator leaves in the discriminator.

Exits with 1 if a step takes more than 1.1 times the sum of its parts, or is less than 1.8 times as fast as PyTorch's.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import time

from speed import CORES, MICRO_BATCHES, TUNED, Contestant, built, machine, table

SETTING = (16, 32, 32)  # width, size, images of a micro-batch
CHANNELS, DISCRIMINATOR_DIM = 3, 32
DEAREST, SLOWEST = 1.10, 1.8  # limits: step time / sum of the parts; speed / PyTorch's
PARTS = ("generator", "discriminator_pass", "discriminator")


def serve_peer(dim, size, batch):
    """The PyTorch side: the same work as gan_speed.cpp."""
    import resource

    import torch
    from denoising_diffusion_pytorch import Unet
    from torch.nn.functional import logsigmoid
    from torch.nn.utils.parametrizations import spectral_norm

    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "parity"))
    from gan_answers import Discriminator
    from unet_answers import without_time

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    generator = without_time(Unet(dim, dim_mults=(1, 2, 4, 8), channels=CHANNELS + 1, out_dim=CHANNELS))
    discriminator = Discriminator(CHANNELS, size, DISCRIMINATOR_DIM, patch=True)
    for layer in discriminator.layers():
        spectral_norm(layer)
    optimizers = [torch.optim.Adam(network.parameters(), lr=1e-3) for network in (generator, discriminator)]
    y = torch.rand(batch, CHANNELS, size, size) * 2 - 1
    mask = torch.zeros(batch, 1, size, size)
    mask[:, :, size // 5:size // 5 + size * 3 // 5, size // 5:size // 5 + size * 3 // 5] = 1

    def step():
        made = []
        for _ in range(MICRO_BATCHES):
            output = generator(torch.cat([y * (1 - mask), mask], 1), None)
            x = y * (1 - mask) + output * mask
            made.append(x.detach())
            loss = ((mask * (y - x))**2).sum(dim=(1, 2, 3)).mean() - logsigmoid(discriminator(x)[0]).mean()
            (loss / MICRO_BATCHES).backward()
        optimizers[0].step()
        optimizers[0].zero_grad()
        optimizers[1].zero_grad()
        for x in made:
            loss = -logsigmoid(discriminator(y)[0]).mean() - logsigmoid(-discriminator(x)[0]).mean()
            (loss / MICRO_BATCHES).backward()
        optimizers[1].step()
        optimizers[1].zero_grad()

    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        seconds = time.perf_counter() - start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def contestants(build):
    def gm(work):
        return Contestant(f"gm, {work}", [build / "bench/gan_speed", work, *SETTING])

    def peer(name, environment=None):
        return Contestant(name, [sys.executable, __file__, "--peer", *SETTING], environment=environment)

    return [gm("step"), *map(gm, PARTS), peer("PyTorch eager, default allocator"),
            peer("PyTorch eager, allocator tuned", TUNED)]


def race(runners, rounds):
    """Milliseconds per step: [contestant][round]."""
    for runner in runners:
        runner.turn(2)  # warm-up
    times = [[] for _ in runners]
    for _ in range(rounds):
        for runner, own in zip(runners, times):
            own.append(1000 / runner.turn(2))
    for runner in runners:
        runner.close()
    return times


def report(runners, times):
    step, parts, peers = times[0], times[1:1 + len(PARTS)], times[1 + len(PARTS):]
    images = MICRO_BATCHES * SETTING[2]
    rows = [{"name": runner.name, "step_milliseconds": statistics.median(own), "images_per_second":
             images * 1000 / statistics.median(own), "peak_mebibytes": round(runner.peak_mebibytes)}
            for runner, own in zip(runners, times)]
    return {
        "machine": machine(), "rounds": len(step), "contestants": rows,
        "step_to_sum_of_parts": statistics.median(a / sum(b) for a, b in zip(step, zip(*parts))),
        "times_the_peer": [statistics.median(b / a for a, b in zip(step, peer)) for peer in peers],
    }


def holds(result):
    return result["step_to_sum_of_parts"] <= DEAREST and min(result["times_the_peer"]) >= SLOWEST


def print_report(runners, result):
    print(f"{result['machine']}, {CORES} threads, medians of {result['rounds']} rounds\n\n{table(result['contestants'])}")
    print(f"a step takes {result['step_to_sum_of_parts']:.3f} times the sum of its parts")
    for runner, ratio in zip(runners[1 + len(PARTS):], result["times_the_peer"]):
        print(f"a step is {ratio:.2f} times as fast as that of {runner.name}")


def main():
    if sys.argv[1:2] == ["--peer"]:
        return serve_peer(*map(int, sys.argv[2:]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=built)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    runners = contestants(options.build)
    result = report(runners, race(runners, options.rounds))
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_report(runners, result)
    sys.exit(0 if holds(result) else 1)


if __name__ == "__main__":
    main()
