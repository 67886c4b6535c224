#!/usr/bin/env python3
"""Checks the includes between the modules of src/: fails on an include that is not allowed.

Usage: check_includes.py [SOURCE_FOLDER]      checks src/
       check_includes.py --self-test          checks that it finds forbidden includes, in a generated tree
"""

import pathlib
import re
import sys
import tempfile

# A module (a folder of src/) may include itself and the modules listed here. The rules are defined only here.
ALLOWED_INCLUDES = {
    "base": [],
    "device": ["base"],
    "image": ["base"],
    "data": ["image", "device", "base"],
    "comm": ["device", "base"],
    "nn": ["device", "base"],
    "diffusion": ["device", "base"],
    "telemetry": ["base"],
    "checkpoint": ["base"],
    "tasks": ["nn", "diffusion", "data", "image", "device", "base"],
    "eval": ["tasks", "comm", "data", "image", "device", "checkpoint", "telemetry", "base"],
    "train": ["eval", "tasks", "comm", "data", "image", "device", "checkpoint", "telemetry", "base"],
    "config": ["base"],
    "run": ["config", "train", "eval", "tasks", "nn", "diffusion", "comm", "data", "image", "device", "checkpoint",
            "telemetry", "base"],
    "report": ["run", "config", "checkpoint", "telemetry", "base"],
    "apps": ["*"],
}

# The structs that config/ collects, and the enumerations of their fields. They are in their modules, use only the
# standard library and each other, and config/ may include the structs.
CONFIG_HEADER = re.compile(r"_config\.h$")
KIND_HEADER = re.compile(r"_kind\.h$")
PLAIN_HEADER = re.compile(r"_(config|kind)\.h$")

# Single-device code: these modules must not include MPI.
WITHOUT_MPI = ["base", "device", "image", "data", "nn", "diffusion", "tasks", "checkpoint", "telemetry", "config", "report"]
# Modules that build without LibTorch.
WITHOUT_TORCH = ["base", "config", "report", "telemetry"]

QUOTED = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
ANGLED = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.MULTILINE)


def may_include(module, included):
    other = included.split("/")[0]
    allowed = ALLOWED_INCLUDES[module]
    if other == module or other in allowed or "*" in allowed:
        return True
    return module == "config" and CONFIG_HEADER.search(included) is not None


def problems_of(file, source):
    """A message for each include of the file that is not allowed."""
    path = file.relative_to(source)
    module = path.parts[0]
    if module not in ALLOWED_INCLUDES:
        yield f"{path}: '{module}' is not a known module; add it to ALLOWED_INCLUDES in {pathlib.Path(__file__).name}"
        return
    text = file.read_text()
    for included in QUOTED.findall(text):
        if not (source / included).is_file():
            yield f"{path}: \"{included}\" is not a path from {source.name}/"
        elif not may_include(module, included):
            yield f"{path}: {module} may not include \"{included}\""
    for included in ANGLED.findall(text):
        if included == "mpi.h" and module in WITHOUT_MPI:
            yield f"{path}: {module} may not include MPI"
        if module in WITHOUT_TORCH and included.split("/")[0] in ("torch", "ATen", "c10"):
            yield f"{path}: {module} may not include LibTorch (<{included}>)"
        if PLAIN_HEADER.search(path.name) and "/" in included:
            yield f"{path}: a configuration includes only the standard library, not <{included}>"
    if PLAIN_HEADER.search(path.name) and module != "config":
        yield from (f"{path}: a configuration includes only the standard library, not \"{included}\""
                    for included in QUOTED.findall(text) if not KIND_HEADER.search(included))


def check(source):
    files = sorted(f for suffix in ("*.h", "*.cpp") for f in source.rglob(suffix))
    return files, [problem for file in files for problem in problems_of(file, source)]


def self_test():
    """Each forbidden include must be found, one at a time, in a tree that is otherwise correct."""
    wrong = {
        "base/wrong.h": '#include "nn/unet.h"',
        "nn/wrong.cpp": '#include "train/trainer.h"',
        "data/wrong.h": "#include <mpi.h>",
        "telemetry/wrong.cpp": "#include <ATen/ATen.h>",
        "train/wrong.h": '#include "config/run_config.h"',
        "config/wrong.cpp": '#include "train/trainer.h"',
        "train/wrong_config.h": '#include "base/error.h"',
        "comm/wrong_kind.h": '#include "base/error.h"',
        "train/wrong.cpp": '#include "trainer.h"',
        "attic/wrong.h": "",
    }
    right = {
        "base/error.h": "#include <string>",
        "nn/unet.h": '#include "base/error.h"\n#include <ATen/ATen.h>',
        "train/train_config.h": '#include <cstdint>\n#include "comm/reducer_kind.h"',
        "comm/reducer_kind.h": "#include <array>",
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
    print(f"{len(files)} files, {len(problems)} forbidden includes")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
