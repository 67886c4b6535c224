#!/usr/bin/env python3
"""Compares the speed of gm and PyTorch on the cores of this machine. Writes the report: speed.md and speed.json.

Usage: speed.py BUILD [--rounds N] [--out FOLDER] [--only PART...]
    BUILD   a build of gm, such as build/release, after: cmake --build --preset release --target bench

Run it with a Python that has torch and denoising-diffusion-pytorch (`./launch/setup --oracles`); it also runs the PyTorch side.
The contestants are separate processes that take turns, some steps each, while the others sleep. A ratio compares two turns of
the same round, and the report has the medians over the rounds. Both train the same network in the same way: two micro-batches,
L1 loss of the noise, Adam. gm's step also updates a moving average of the weights.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

PARTS = ("training", "sampling", "samplers", "scaling", "operators", "reduction")
MICRO_BATCHES, TIMESTEPS = 2, 50
CORES = len(os.sched_getaffinity(0))
# The settings of src/base/malloc_settings.h: freed memory is kept instead of returned to the kernel.
TUNED = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=2147483647:glibc.malloc.trim_threshold=2147483647:"
                           "glibc.malloc.top_pad=268435456"}
# The largest number of ranks, at most one per core, that divides a batch of 32.
RANKS = max(ranks for ranks in (1, 2, 4, 8, 16, 32) if ranks <= CORES)
MPI_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def serve_peer(work, dim, size, batch, compiled):
    """The PyTorch side: the same work as network_speed.cpp."""
    import resource

    import torch
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    # torch.compile compiles the blocks once for each of their many shapes.
    torch._dynamo.config.recompile_limit = 256
    network = Unet(dim=dim, dim_mults=(1, 2, 4, 8), channels=3)
    diffusion = GaussianDiffusion(torch.compile(network, dynamic=False) if compiled else network, image_size=size,
                                  timesteps=TIMESTEPS, loss_type="l1")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, size, size)

    def train():
        for _ in range(MICRO_BATCHES):
            (diffusion(images) / MICRO_BATCHES).backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.inference_mode()
    def sample():
        diffusion.p_sample(images, TIMESTEPS - 1)

    @torch.inference_mode()
    def make_images():
        made = torch.randn_like(images)
        for t in reversed(range(TIMESTEPS)):
            made, _ = diffusion.p_sample(made, t)

    step = {"train": train, "sample": sample, "images": make_images}[work]
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        seconds = time.perf_counter() - start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def built(text):
    """Checks that the build folder contains the benchmarks."""
    build = pathlib.Path(text).resolve()
    if not (build / "bench/network_speed").exists():
        raise argparse.ArgumentTypeError(f"no benchmarks in {text}: cmake --build {text} --target bench")
    return build


class Contestant:
    """A process, or a world of ranks, that runs steps on request."""

    def __init__(self, name, command, threads=CORES, environment=None):
        self.name, self.rates, self.peak_mebibytes = name, [], 0.0
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})})

    def turn(self, steps):
        """Runs `steps` steps. Returns the steps per second."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.name}: ended with status {self.process.wait()}")
        self.peak_mebibytes = max(self.peak_mebibytes, float(answer[1]))
        return steps / float(answer[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, build, rounds):
        self.build, self.rounds = build, rounds

    def gm(self, name, *setting, threads=CORES, ranks=1, kernels=None):
        """`setting`: the arguments of network_speed."""
        launcher = ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", ranks] if ranks > 1 else []
        environment = {**MPI_AS_ROOT, **({"GM_KERNELS": kernels} if kernels else {})}
        return Contestant(name, [*launcher, self.build / "bench/network_speed", *setting], threads, environment)

    @staticmethod
    def peer(name, *setting, threads=CORES, environment=None, compiled=False):
        return Contestant(name, [sys.executable, __file__, "--peer", *setting, int(compiled)], threads, environment)

    def race(self, contestants, images_a_step, steps):
        """One row per contestant. The ratios are to the first one."""
        for contestant in contestants:
            contestant.turn(2)  # warm-up, compilation
        for _ in range(self.rounds):
            for contestant in contestants:
                contestant.rates.append(images_a_step * contestant.turn(steps))
        rows = [{"name": contestant.name, "images_per_second": statistics.median(contestant.rates),
                 "ratio": statistics.median(own / first for own, first in zip(contestant.rates, contestants[0].rates)),
                 "peak_mebibytes": round(contestant.peak_mebibytes)} for contestant in contestants]
        for contestant in contestants:
            contestant.close()
        return rows

    def training(self):
        setting = ("train", 16, 32, 32)
        return self.race([
            self.peer("PyTorch eager, default allocator", *setting),
            self.peer("PyTorch eager, allocator tuned", *setting, environment=TUNED),
            self.peer("PyTorch torch.compile, allocator tuned", *setting, environment=TUNED, compiled=True),
            self.gm("gm, one process", *setting),
            self.gm(f"gm, {RANKS} ranks of one thread", *setting, threads=1, ranks=RANKS),
            self.gm("gm, portable kernels", *setting, kernels="portable"),
            self.peer("PyTorch eager, allocator tuned, one thread", *setting, threads=1, environment=TUNED),
            self.gm("gm, one thread", *setting, threads=1),
        ], MICRO_BATCHES * 32, steps=2)

    def sampling(self):
        """Sampling an image takes TIMESTEPS steps of equal cost."""
        setting = ("sample", 16, 32, 64)
        return self.race([
            self.peer("PyTorch eager, default allocator", *setting),
            self.peer("PyTorch eager, allocator tuned", *setting, environment=TUNED),
            self.gm("gm, one process", *setting),
            self.gm(f"gm, {RANKS} ranks of one thread", *setting, threads=1, ranks=RANKS),
            self.gm("gm, portable kernels", *setting, kernels="portable"),
        ], 64 / TIMESTEPS, steps=2)

    def samplers(self):
        """Whole batches from noise to images. The peer has no fast sampler of the second order."""
        setting = ("images", 16, 32, 64)
        fast = [self.gm(f"gm, dpm++ {steps}", *setting, "sampler.kind=dpm++", f"sampler.steps={steps}") for steps in (20, 10, 8)]
        return self.race([
            self.peer(f"PyTorch eager, {TIMESTEPS} steps", *setting),
            self.gm(f"gm, ancestral {TIMESTEPS}", *setting),
            *fast,
        ], 64, steps=1)

    def scaling(self):
        rows = []
        for dim, size, batch in ((16, 32, 8), (16, 32, 128), (16, 64, 16), (32, 32, 32), (64, 32, 16), (32, 64, 8)):
            setting = ("train", dim, size, batch)
            peer, gm = self.race([self.peer("PyTorch eager, default allocator", *setting), self.gm("gm", *setting)],
                                 MICRO_BATCHES * batch, steps=1)
            rows.append({**gm, "name": f"dim {dim}, {size} x {size}, batch {batch}",
                         "eager_images_per_second": peer["images_per_second"]})
        return rows

    def operators(self):
        answer = subprocess.run([self.build / "bench/operators_speed", str(self.rounds)], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in answer.splitlines()]

    def reduction(self):
        rows = []
        for ranks in (2, 4):
            answer = subprocess.run(["mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", str(ranks),
                                     self.build / "bench/reduction_bench"], check=True, text=True,
                                    stdout=subprocess.PIPE, env={**os.environ, **MPI_AS_ROOT}).stdout
            rows.append({"name": f"{ranks} ranks", "report": answer})
        return rows


# Column headings and units of the report.
HEADINGS = {"name": "", "images_per_second": "images/s", "eager_images_per_second": "PyTorch eager, images/s",
            "peak_mebibytes": "peak of a process"}
UNITS = {"ratio": "x", "ratio forward": "x", "ratio backward": "x", "peak_mebibytes": " MiB"}


def text_of(value, unit=""):
    if isinstance(value, float):
        value = f"{value:.2f}" if unit == "x" else f"{value:.3g}" if value < 100 else f"{value:.0f}"
    return str(value).strip().replace("\n", "<br>") + unit


def table(rows):
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [[HEADINGS.get(column, column) for column in columns], ["---"] * len(columns)]
    lines += [[text_of(row[column], UNITS.get(column, "")) if column in row else "" for column in columns] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def machine():
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    return f"{CORES} cores of {model}"


def main():
    if sys.argv[1:2] == ["--peer"]:
        work, *numbers = sys.argv[2:]
        return serve_peer(work, *map(int, numbers))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=built)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    bench = Bench(options.build, options.rounds)
    report = {"machine": machine(), "rounds": options.rounds}
    text = f"# Speed on {report['machine']}, medians of {options.rounds} rounds\n"
    for part in options.only:
        report[part] = getattr(bench, part)()
        text += f"\n## {part.capitalize()}\n\n{table(report[part])}"
        print(text.rpartition("\n## ")[2], flush=True)
        (options.out / "speed.md").write_text(text)
        (options.out / "speed.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
