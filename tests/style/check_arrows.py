#!/usr/bin/env python3
"""Holds the arrows between the rooms of src/: fails on an include that points where it may not.

Usage: check_arrows.py [SOURCE_FOLDER]      checks src/
       check_arrows.py --self-test          proves on a tree of its own that it can fail
"""

import pathlib
import re
import sys
import tempfile

# A room may include itself and the rooms named here. This is the one place where the arrows are written.
ARROWS = {
    "base": [],
    "data": ["base"],
    "comm": ["base"],
    "nn": ["base"],
    "diffusion": ["base"],
    "telemetry": ["base"],
    "checkpoint": ["base"],
    "tasks": ["nn", "diffusion", "data", "base"],
    "eval": ["tasks", "comm", "data", "base"],
    "train": ["tasks", "comm", "data", "checkpoint", "telemetry", "base"],
    "config": ["base"],
    "run": ["config", "train", "eval", "tasks", "diffusion", "comm", "data", "checkpoint", "telemetry", "base"],
    "apps": ["*"],
}

# The structs that config/ assembles: they lie in their rooms, know only std, and are open to config/.
CONFIG_HEADER = re.compile(r"_config\.h$")

# Single-device code: no room of these may know MPI, on whatever path.
WITHOUT_MPI = ["base", "data", "nn", "diffusion", "tasks", "checkpoint", "telemetry", "config"]
# Rooms that build without LibTorch.
WITHOUT_TORCH = ["base", "config", "telemetry"]

QUOTED = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
ANGLED = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.MULTILINE)


def may_include(room, included):
    other = included.split("/")[0]
    allowed = ARROWS[room]
    if other == room or other in allowed or "*" in allowed:
        return True
    return room == "config" and CONFIG_HEADER.search(included) is not None


def problems_of(file, source):
    """Sentences on every include of the file that may not be."""
    path = file.relative_to(source)
    room = path.parts[0]
    if room not in ARROWS:
        yield f"{path}: '{room}' is no room; write its arrows into {pathlib.Path(__file__).name}"
        return
    text = file.read_text()
    for included in QUOTED.findall(text):
        if not (source / included).is_file():
            yield f"{path}: \"{included}\" is not a path from {source.name}/"
        elif not may_include(room, included):
            yield f"{path}: {room} may not include \"{included}\""
    for included in ANGLED.findall(text):
        if included == "mpi.h" and room in WITHOUT_MPI:
            yield f"{path}: {room} may not know MPI"
        if room in WITHOUT_TORCH and included.split("/")[0] in ("torch", "ATen", "c10"):
            yield f"{path}: {room} may not include LibTorch (<{included}>)"
        if CONFIG_HEADER.search(path.name) and "/" in included:
            yield f"{path}: a configuration includes only the standard library, not <{included}>"
    if CONFIG_HEADER.search(path.name) and room != "config":
        yield from (f"{path}: a configuration includes only the standard library, not \"{included}\""
                    for included in QUOTED.findall(text))


def check(source):
    files = sorted(f for suffix in ("*.h", "*.cpp") for f in source.rglob(suffix))
    return files, [problem for file in files for problem in problems_of(file, source)]


def self_test():
    """Each line must be found, alone, in a tree that is otherwise in order."""
    wrong = {
        "base/wrong.h": '#include "nn/unet.h"',
        "nn/wrong.cpp": '#include "train/trainer.h"',
        "data/wrong.h": "#include <mpi.h>",
        "telemetry/wrong.cpp": "#include <ATen/ATen.h>",
        "train/wrong.h": '#include "config/run_config.h"',
        "config/wrong.cpp": '#include "train/trainer.h"',
        "train/wrong_config.h": '#include "base/error.h"',
        "train/wrong.cpp": '#include "trainer.h"',
        "attic/wrong.h": "",
    }
    right = {
        "base/error.h": "#include <string>",
        "nn/unet.h": '#include "base/error.h"\n#include <ATen/ATen.h>',
        "train/train_config.h": "#include <cstdint>",
        "train/trainer.h": '#include "train/train_config.h"\n#include "base/error.h"',
        "config/run_config.h": '#include "train/train_config.h"',
        "apps/gm_train.cpp": '#include "config/run_config.h"\n#include "train/trainer.h"',
    }
    for name, text in [(None, None), *wrong.items()]:
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "src"
            for path, content in {**right, **({name: text} if name else {})}.items():
                (source / path).parent.mkdir(parents=True, exist_ok=True)
                (source / path).write_text(content + "\n")
            _, problems = check(source)
            expected = 1 if name else 0
            if len(problems) != expected:
                print(f"self-test: {name} should give {expected} problems, gave {problems}")
                return 1
    print(f"self-test: all {len(wrong)} forbidden includes were found")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "src"
    files, problems = check(source.resolve())
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(problems)} includes that point where they may not")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
