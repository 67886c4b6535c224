#!/usr/bin/env python3
"""Runs a script that asks an oracle, and compares what it writes with the answers that are committed.

Usage: compare.py SCRIPT        (with the Python of the oracles)

SCRIPT is given an empty folder. Every file that it makes there must be found in the folder `answers`
beside it, and hold the same: text byte for byte, safetensors with the same names, dtypes and shapes, whole
numbers equal, floating-point numbers within TOLERANCE times the largest magnitude of their tensor.
TOLERANCE is a line `TOLERANCE = 1e-6` of SCRIPT; 1e-5 where there is none: another CPU adds up in
another order.
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
    """A sentence on how the two differ, or None."""
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
    if difference <= allowed:  # False as well where one of them is not a number.
        return None
    return f"{name}: differs by {difference:.3g}, allowed are {allowed:.3g}"


def compare_file(made, committed, tolerance):
    if not committed.exists():
        return [f"{committed.name}: made now, not committed"]
    if made.suffix != ".safetensors":
        same = made.read_bytes() == committed.read_bytes()
        return [] if same else [f"{made.name}: not the same text"]
    new, old = load_file(made), load_file(committed)
    if new.keys() != old.keys():
        return [f"{made.name}: only one of them has {sorted(new.keys() ^ old.keys())}"]
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
    print(f"{script.name}: {len(made)} files made anew, {len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
