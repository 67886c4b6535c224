#!/usr/bin/env python3
"""Compares the speed of gm and PyTorch on a busy machine, and with more ranks than cores.

Usage: busy.py BUILD [--rounds N] [--out FOLDER]
    BUILD   a build of gm, such as build/release

Run it with the Python of `./launch/setup --oracles`, like speed.py. Each contestant is timed twice per round: on the idle
machine, and beside as many busy processes as there are cores, where a fair scheduler gives it half of the machine. Writes
busy.md and busy.json: medians over the rounds, and the ratio of both timings of a round.
"""
import argparse
import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import sys

from speed import CORES, MICRO_BATCHES, RANKS, TIMESTEPS, Bench, built, machine, table

BATCH = 32


class Neighbours:
    """Processes that compute without end, one per core. They are stopped except within at_work()."""

    def __init__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CORES)]
        self.send(signal.SIGSTOP)

    def send(self, number):
        for process in self.processes:
            process.send_signal(number)

    @contextlib.contextmanager
    def at_work(self):
        self.send(signal.SIGCONT)
        try:
            yield
        finally:
            self.send(signal.SIGSTOP)

    def close(self):
        self.send(signal.SIGKILL)


def race(contestants, images_a_step, steps, rounds):
    """A row for each contestant: its speed idle and busy."""
    neighbours = Neighbours()
    turns = {contestant.name: [] for contestant in contestants}
    try:
        for contestant in contestants:
            contestant.turn(2)  # warm-up
        for _ in range(rounds):
            for contestant in contestants:
                idle = images_a_step * contestant.turn(steps)
                with neighbours.at_work():
                    busy = images_a_step * contestant.turn(steps)
                turns[contestant.name].append((idle, busy))
    finally:
        neighbours.close()
    for contestant in contestants:
        contestant.close()
    return [{"name": name, "images/s, idle": statistics.median(idle for idle, _ in pairs),
             "images/s, busy": statistics.median(busy for _, busy in pairs),
             "busy to idle": statistics.median(busy / idle for idle, busy in pairs)} for name, pairs in turns.items()]


def contestants(bench, *setting):
    many = 2 * RANKS
    return [bench.peer("PyTorch eager", *setting),
            bench.gm("gm, one process", *setting),
            bench.gm(f"gm, {RANKS} ranks of one thread", *setting, threads=1, ranks=RANKS),
            bench.gm(f"gm, {many} ranks of one thread on {CORES} cores", *setting, threads=1, ranks=many)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=built)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    bench = Bench(options.build, options.rounds)
    report = {"machine": machine(), "rounds": options.rounds}
    text = f"# {report['machine']}, beside {CORES} busy processes, medians of {options.rounds} rounds\n"
    for part, setting, images_a_step in (("training", ("train", 16, 32, BATCH), MICRO_BATCHES * BATCH),
                                         ("sampling", ("sample", 16, 32, 64), 64 / TIMESTEPS)):
        report[part] = race(contestants(bench, *setting), images_a_step, 3, options.rounds)
        text += f"\n## {part.capitalize()}\n\n{table(report[part])}"
        print(text.rpartition("\n## ")[2], flush=True)
        (options.out / "busy.md").write_text(text)
        (options.out / "busy.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
