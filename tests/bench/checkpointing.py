#!/usr/bin/env python3
"""Measures how long a save delays training, and how long a resume takes: the default network, one process.

Usage: checkpointing.py BUILD [--steps N]
    BUILD   a build of gm, such as build/release

A step is timed from one line of metrics.jsonl to the next, so the delay of a save counts in the step after it.
"""

import argparse
import json
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

EVERY = 8
RESUME_TARGET_SECONDS = 4.0


def pack(build, scratch):
    """1,000 images of noise."""
    count, side = 1000, 32
    pixels = bytes((i * 2654435761 >> 13) % 256 for i in range(count * side * side))
    (scratch / "p.idx").write_bytes(struct.pack(">IIII", 0x803, count, side, side) + pixels)
    subprocess.run([build / "bin/gm_data", "pack", scratch / "p.idx", "--out", scratch / "p.h5"], check=True,
                   capture_output=True)


def train(build, scratch, steps):
    command = [build / "bin/gm_train", f"data.path={scratch}/p.h5", f"run.dir={scratch}/run", f"train.steps={steps}",
               f"checkpoint.every={EVERY}", "checkpoint.keep=0", "sample.every=0", "sample.count=1", "telemetry.port=0"]
    start = time.time()
    subprocess.run(command, check=True, capture_output=True)
    lines = [json.loads(line) for line in (scratch / "run/metrics.jsonl").read_text().splitlines()]
    return start, [line for line in lines if line["kind"] == "train"], [
        line for line in lines if line["kind"] == "checkpoint"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=10 * EVERY)
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        pack(build, scratch)
        _, lines, checkpoints = train(build, scratch, options.steps)
        gaps = {after["step"]: after["time"] - before["time"] for before, after in zip(lines, lines[1:])}
        near = [seconds for step, seconds in gaps.items() if step % EVERY == 1]
        far = [seconds for step, seconds in gaps.items() if step % EVERY not in (1, 2)]
        plain, held = statistics.median(far), statistics.median(near) - statistics.median(far)
        print(f"a step takes {plain * 1e3:.0f} ms; a save delays it by {held * 1e3:.0f} ms: "
              f"{held / plain:.2f} steps (target: below 1); writing it takes "
              f"{statistics.median(line['seconds'] for line in checkpoints) * 1e3:.0f} ms")
        resumed = []
        for more in range(1, 4):
            start, lines, _ = train(build, scratch, options.steps + more)
            resumed.append(lines[-1]["time"] - start)
        print(f"from the start of the command to the first step of a verified resume: {statistics.median(resumed):.1f} s "
              f"(target: below {RESUME_TARGET_SECONDS:.0f})")


if __name__ == "__main__":
    main()
