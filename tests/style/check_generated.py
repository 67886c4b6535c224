#!/usr/bin/env python3
"""Checks that the files which are generated from the programs are current: docs/configuration.md, docs/man/*.1 and
launch/completion.bash.

Usage: check_generated.py               checks the files
       check_generated.py --fix         generates them
       check_generated.py --self-test   checks that an outdated file is found
"""
import itertools
import re
import sys

from descriptions import PROGRAMS, ROOT, choices_of, describe


# ---- docs/configuration.md ----------------------------------------------------------------------
def cell(text):
    return text.replace("|", "\\|")


def configuration(keys):
    lines = ["# Configuration", "",
             "Every key of a configuration file. On the command line, a key is given as `section.key=value`. "
             "`gm_train --help-config`", "prints the same list. This file is generated: "
             "`tests/style/check_generated.py --fix`.", ""]
    sections = [(name, list(group)) for name, group in itertools.groupby(keys, lambda key: key["name"].split(".")[0])]
    lines += [f"* [{name}](#{name})" for name, _ in sections]
    for name, group in sections:
        lines += ["", f"## {name}", "", "| Key | Default | Values | Meaning |", "|---|---|---|---|"]
        for key in group:
            lines.append(f"| `{key['name']}` | `{cell(key['default'])}` | {cell(key['expectation'])} | {cell(key['help'])} |")
    return "\n".join(lines) + "\n"


# ---- docs/man/*.1 -------------------------------------------------------------------------------
def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def value_of(option):
    """What follows an option on the command line: " INT (1 to 99999; default: 1)"."""
    kind, _, bounds = option["type"].partition(":")
    text = f" {kind}" if option["takes_value"] else ""
    notes = [note for note in (bounds, f"default: {option['default']}" if option["default"] else "") if note]
    return roff(text + (f" ({'; '.join(notes)})" if notes else ""))


def man_options(options):
    lines = []
    for option in options:
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option["names"])
        lines += [".TP", names + value_of(option), roff(option["help"])]
    return lines


def synopsis(description):
    names = [option["names"][0] + (" ..." if option["repeats"] else "")
             for option in description["options"] if option["positional"]]
    names = [name if option["required"] else f"[{name}]" for name, option in
             zip(names, (option for option in description["options"] if option["positional"]))]
    return f".B {roff(description['name'])}\n{roff(' '.join([*names, '[OPTIONS]']))}"


def man_page(program):
    lines = [f".TH {program['name'].upper()} 1", ".SH NAME", f"{roff(program['name'])} \\- {roff(program['help'])}",
             ".SH SYNOPSIS"]
    commands = [{**command, "name": f"{program['name']} {command['name']}"} for command in program["commands"]]
    lines += [".br\n".join(synopsis(one) + "\n" for one in (commands or [program])).rstrip("\n")]
    lines += [".SH OPTIONS", *man_options(program["options"])]
    for command in commands:
        lines += [f".SH {roff(command['name'])}", roff(command["help"]) + ".", *man_options(command["options"])]
    if program["footer"]:
        lines += [".SH EXAMPLES", ".nf", roff(program["footer"]), ".fi"]
    lines += [".SH EXIT STATUS", "0: done. 1: failed. 2: the command line, the configuration, the data or a checkpoint is wrong, and "
              "nothing was changed. 75: stopped by a signal; give the same command again.", ".SH SEE ALSO",
              ", ".join(f"\\fB{roff(name)}\\fR(1)" for name in PROGRAMS if name != program["name"])]
    return "\n".join(lines) + "\n"


# ---- launch/completion.bash ---------------------------------------------------------------------
COMPLETION_HEADER = """\
# Completion of the command lines of gm's programs for bash. Use it with: source launch/completion.bash
# Generated: tests/style/check_generated.py --fix
# shellcheck shell=bash

# _gm_complete WORDS [NAME CHOICES]...: completes the word at the cursor. After `NAME ` or `NAME=` it offers the CHOICES.
_gm_complete() {
  local line=${COMP_LINE:0:COMP_POINT} words=$1 name=""
  local word=${line##* }
  shift
  if [[ $word == *=* ]]; then
    name=${word%%=*} word=${word#*=} words=""
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -* ]]; then
    name=${COMP_WORDS[COMP_CWORD - 1]}
  fi
  while [ $# -gt 0 ]; do
    [ "$1" != "$name" ] || words=$2
    shift 2
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}
"""


def words_and_choices(options, keys):
    """The call of _gm_complete for a command: its words, then the values of options and keys that take some."""
    options = [option for option in options if not option["positional"]]
    words = [name for option in options for name in option["names"]] + [f"{key['name']}=" for key in keys]
    values = {name: choices_of(option) for option in options if option["takes_value"] for name in option["names"]}
    values.update({key["name"]: key["choices"] for key in keys if key["choices"]})
    lines = [f"  _gm_complete '{' '.join(words)}'", *(f"{name} '{' '.join(choices)}'" for name, choices in values.items())]
    return " \\\n    ".join(lines)


def completion(program):
    name, keys = program["name"], program["keys"]
    sections = {"gm_train": None, "gm_data": ("mask", "data", "run"), "gm_sample": ("mask", "sampler", "repaint", "watchdog"),
                "gm_eval": ("evaluate", "mask", "sampler", "repaint", "watchdog"), "gm_report": ()}[name]
    keys = [key for key in keys if sections is None or key["name"].split(".")[0] in sections]
    lines = []
    if program["commands"]:
        commands = " ".join(command["name"] for command in program["commands"])
        options = " ".join(one for option in program["options"] for one in option["names"])
        lines += [f"_{name}() {{", "  case ${COMP_WORDS[1]} in"]
        for command in program["commands"]:
            own_keys = keys if command["name"] == "masks" else []
            lines += [f"  {command['name']})", words_and_choices(command["options"], own_keys), "  ;;"]
        lines += ["  *)", f"  _gm_complete '{commands} {options}'", "  ;;", "  esac", "}"]
    else:
        lines += [f"_{name}() {{", words_and_choices(program["options"], keys), "}"]
    return "\n".join([*lines, f"complete -o default -o bashdefault -F _{name} {name}"]) + "\n"


def generated():
    programs = [describe(name) for name in PROGRAMS]
    yield ROOT / "docs/configuration.md", configuration(programs[0]["keys"])
    for program in programs:
        yield ROOT / f"docs/man/{program['name']}.1", man_page(program)
    yield ROOT / "launch/completion.bash", "\n".join([COMPLETION_HEADER, *map(completion, programs)])


def outdated(files):
    return [(path, text) for path, text in files if not path.exists() or path.read_text() != text]


def self_test():
    path, text = next(generated())
    assert outdated([(path, text + "x")]) and outdated([(path.with_name("no_such_file"), text)]) and not outdated([(path, text)])
    print("outdated files are found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    wrong = outdated(generated())
    names = " ".join(str(path.relative_to(ROOT)) for path, _ in wrong)
    if sys.argv[1:] == ["--fix"]:
        for path, text in wrong:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return print("generated:", names or "nothing, all were current")
    print(f"not current: {names}\nto generate them: tests/style/check_generated.py --fix" if wrong else "all are current")
    return sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
