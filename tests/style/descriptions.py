"""The command lines of gm's programs, as `PROGRAM --describe` tells them."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("GM_BIN_DIR", ROOT / "build/release/bin"))
PROGRAMS = ("gm_data", "gm_train", "gm_sample", "gm_eval", "gm_report")


def describe(program):
    done = subprocess.run([BIN / program, "--describe"], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def choices_of(option):
    """The only values that an option takes, from a type such as "TEXT:{crop,pad,squash}"."""
    _, found, choices = option["type"].partition("{")
    return choices.rstrip("}").split(",") if found else []
