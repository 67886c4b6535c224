#!/usr/bin/env python3
"""Runs a script that computes answers with an oracle, and compares them with the committed answers.

Usage: compare.py SCRIPT        (with the Python of the oracles)

SCRIPT writes into an empty folder. The folder `answers` beside SCRIPT must contain every file that it writes,
with the same content: equal bytes of text files; in safetensors the same names, dtypes and shapes, equal
integers, and floating-point numbers within TOLERANCE times the largest magnitude of their tensor. TOLERANCE is
a line `TOLERANCE = 1e-6` of SCRIPT, and 1e-5 by default, because the order of additions differs between CPUs.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file


def tolerance_of(script):
    stated = re.search(r"^TOLERANCE = ([0-9.e+-]+)", script.read_text(), re.MULTILINE)
    return float(stated.group(1)) if stated else 1e-5


def compare_tensor(name, made, committed, tolerance):
    """A message that says how the two differ, or None."""
    if (made.dtype, made.shape) != (committed.dtype, committed.shape):
        return (
            f"{name}: {made.dtype}{list(made.shape)} now, "
            f"{committed.dtype}{list(committed.shape)} committed"
        )
    if made.size == 0 or np.array_equal(made, committed):
        return None
    if not np.issubdtype(made.dtype, np.floating):
        return f"{name}: {np.count_nonzero(made != committed)} of {made.size} numbers differ"
    difference = np.abs(made.astype(np.float64) - committed.astype(np.float64)).max()
    allowed = tolerance * np.abs(committed.astype(np.float64)).max()
    if difference <= allowed:  # Also false if one of them is NaN.
        return None
    return f"{name}: differs by {difference:.3g}, the limit is {allowed:.3g}"


def compare_file(made, committed, tolerance):
    if not committed.exists():
        return [f"{committed.name}: is made now, but not committed"]
    if made.suffix != ".safetensors":
        same = made.read_bytes() == committed.read_bytes()
        return [] if same else [f"{made.name}: not the same text"]
    new, old = load_file(made), load_file(committed)
    if new.keys() != old.keys():
        return [f"{made.name}: only one of the two files has {sorted(new.keys() ^ old.keys())}"]
    differences = (compare_tensor(name, new[name], old[name], tolerance) for name in new)
    return [f"{made.name}: {difference}" for difference in differences if difference]


def main():
    script = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="gm-answers-") as folder:
        subprocess.run([sys.executable, script, folder], check=True)
        made = sorted(pathlib.Path(folder).iterdir())
        answers = script.parent / "answers"
        tolerance = tolerance_of(script)
        problems = [p for file in made for p in compare_file(file, answers / file.name, tolerance)]
    if not made:
        problems = [f"{script.name} made no file"]
    for problem in problems:
        print(problem)
    print(f"{script.name}: {len(made)} files compared, {len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
