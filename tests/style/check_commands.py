#!/usr/bin/env python3
"""Checks the commands in README.md and docs/: programs, options, keys, values and files exist. What they do is tested by
tests/system/documents_test.py.

Usage: check_commands.py               checks the documents
       check_commands.py --self-test   checks that wrong commands are found
"""
import functools
import re
import shlex
import subprocess
import sys

from descriptions import PROGRAMS, ROOT, choices_of, describe

DOCUMENTS = ("README.md", "docs/guide.md", "docs/contributing.md", "docs/results.md", "tests/README.md", "cluster/README.md",
             "monitoring/README.md")
# Programs that are not gm's, whose arguments are not checked here.
FOREIGN = {"jq", "prometheus", "ctest", "export", "source", "man"}


class Wrong(Exception):
    pass


@functools.cache
def description(program):
    return describe(program)


@functools.cache
def keys():
    return {key["name"]: key for key in description("gm_train")["keys"]}


def check_key(assignment):
    name, _, value = assignment.partition("=")
    if name not in keys():
        raise Wrong(f"there is no key {name}")
    choices = keys()[name]["choices"]
    if choices and value not in choices:
        raise Wrong(f"{name} is one of {', '.join(choices)}")


def check_file(name):
    if name.startswith(("configs/", "launch/", "tests/", "monitoring/", "docs/")) and not (ROOT / name).exists():
        raise Wrong(f"there is no file {name}")


def check_program(program, arguments, is_complete):
    app = description(program)
    commands = {command["name"]: command for command in app["commands"]}
    if commands and arguments and arguments[0] in commands:
        app, arguments = commands[arguments[0]], arguments[1:]
    elif commands and not (arguments and arguments[0].startswith("-")):
        raise Wrong(f"{program} has no command {arguments[:1]}")
    options = {name: option for option in app["options"] if not option["positional"] for name in option["names"]}
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if argument.startswith("-"):
            if name not in options:
                raise Wrong(f"{program} has no option {name}")
            if options[name]["takes_value"]:
                value = value or next(rest, None)
                if value is None:
                    if is_complete:
                        raise Wrong(f"{name} needs a value")
                    continue
                choices = choices_of(options[name])
                if choices and value not in choices:
                    raise Wrong(f"{name} is one of {', '.join(choices)}")
        elif re.fullmatch(r"\w+\.\w+", name) and "=" in argument:
            check_key(argument)
        else:
            check_file(argument)


@functools.cache
def usage(script):
    return subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout


def check_script(script, arguments):
    check_file(script)
    if not script.startswith(("launch/", "monitoring/")):
        return
    for argument in arguments:
        if argument.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", usage(script)) \
                and script != "launch/test":
            raise Wrong(f"{script} has no option {argument}")
        if re.fullmatch(r"\w+\.\w+=.*", argument):
            check_key(argument)
        check_file(argument)


def check_launcher(words, is_complete):
    """mpirun or srun, which must start one of gm's programs or of its benchmarks."""
    index = next((i for i, word in enumerate(words) if word in PROGRAMS), None)
    if index is not None:
        return check_program(words[index], words[index + 1:], is_complete)
    benchmarks = [word for word in words if word.startswith("build/release/bench/")]
    if is_complete and not benchmarks:
        raise Wrong(f"{words[0]} starts none of gm's programs")
    for benchmark in benchmarks:
        check_file(f"tests/bench/{benchmark.rpartition('/')[2]}.cpp")
    return None


def check_command(words, is_complete):
    while words and re.fullmatch(r"\w+=\S*", words[0]):  # variables of the environment
        words = words[1:]
    if not words:
        return
    program = words[0].removeprefix("./")
    if program in ("mpirun", "srun"):
        return check_launcher(words, is_complete)
    if program in PROGRAMS:
        return check_program(program, words[1:], is_complete)
    if program.startswith(("launch/", "monitoring/", "tests/")):
        return check_script(program, words[1:])
    if program == "cmake":
        preset = dict(zip(words, words[1:])).get("--preset")
        if preset and f'"name": "{preset}"' not in (ROOT / "CMakePresets.json").read_text():
            raise Wrong(f"there is no preset {preset}")
        return None
    if program.endswith("python"):
        return check_file(" ".join(words[1:2]))
    if program not in FOREIGN:
        raise Wrong(f"the program {program} is not known to this check")
    return None


def check_line(line, is_complete):
    """The commands of one line, joined by && and pipes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = []
    for word in [*lexer, "&&"]:
        if word in ("&&", "|", ";", ">"):
            check_command(words, is_complete)
            words = []
        else:
            words.append(word)


def commands_of(text):
    """(line number, command, whether it is complete) of the commands in code: those in blocks are complete; a span in the text
    may only mention an option."""
    begins = re.compile(r"(\./)?(launch/\w+|monitoring/up|tests/\S+\.py)|(gm_(data|train|sample|eval|report)|mpirun|srun|cmake|ctest|jq|prometheus) ")
    fence = None  # that the block began with
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fence = line if fence is None else None
        elif fence == "```" and begins.match(line):
            yield number, line, True
        elif fence is None:
            for span in re.findall(r"`([^`]+)`", line):
                if begins.match(span) and " " in span and "..." not in span:
                    yield number, span, False


def problems_of(name, text):
    for number, command, is_complete in commands_of(text):
        try:
            check_line(command, is_complete)
        except (Wrong, ValueError) as reason:
            yield f"{name}:{number}: {command}\n    {reason}"


def self_test():
    wrong = ["gm_data peck photos/", "gm_data pack photos/ --siz 3", "gm_data pack a --fit round", "gm_train model.dims=3",
             "gm_train configs/none.toml", "gm_train mask.kind=star", "launch/local --rank 3", "launch/nothing x", "monitoring/up --rank 3",
             "```\n```python\nx = 1\n```\n```\ngm_data peck photos/", "cmake --preset fast", "mpirun -n 2 gm_eval runs/a --every 3", "gm_sample runs/a --count"]
    right = ["gm_data pack photos/ --size 3 --out x.h5", "mpirun -n 8 gm_train configs/quickstart.toml train.steps=3 | jq .",
             "launch/local -n 2 configs/quickstart.toml", "gm_train configs/quickstart.toml mask.kind=half   # a comment"]
    missed = [command for command in wrong if not list(problems_of("", f"```\n{command}\n```"))]
    refused = [problem for command in right for problem in problems_of("", f"```\n{command}\n```")]
    assert not missed and not refused, (missed, refused)
    print("wrong commands are found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    texts = {name: (ROOT / name).read_text() for name in DOCUMENTS}
    problems = [problem for name, text in texts.items() for problem in problems_of(name, text)]
    checked = sum(len(list(commands_of(text))) for text in texts.values())
    print("\n".join(problems))
    print(f"{checked} commands, {len(problems)} wrong")
    return sys.exit(bool(problems) or checked < 40)


if __name__ == "__main__":
    main()
