#!/usr/bin/env python3
"""Checks that README.md and the other documents read well in a terminal and in a browser: short lines, no HTML, links that
lead somewhere, sources that exist.

Usage: check_documents.py               checks the documents
       check_documents.py --self-test   checks that problems are found
"""
import re
import subprocess
import sys

from descriptions import ROOT

LONGEST_LINE = 140
MOST_WORDS = {"README.md": 1200}


def prose(text):
    """(line number, line) outside of blocks of code."""
    in_block = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            in_block = not in_block
        elif not in_block:
            yield number, re.sub(r"`[^`]*`", "", line)


def anchors(text):
    """The names that a browser gives to the headings."""
    headings = [line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def problems_of(path, text):
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE and not line.startswith("|"):
            yield f"{name}:{number}: {len(line)} columns: break the line before column {LONGEST_LINE}"
        if line != line.rstrip() or "\t" in line:
            yield f"{name}:{number}: space at the end, or a tab"
        for source in re.findall(r"`((?:[a-z0-9_]+/)+[a-z0-9_]+\.(?:h|cpp))`", line):
            if not any((ROOT / folder / source).exists() for folder in ("", "src", path.parent)):
                yield f"{name}:{number}: there is no source {source}"
    for number, line in prose(text):
        if re.search(r"</?[a-z]+[^>]*>", line):
            yield f"{name}:{number}: HTML, which a terminal shows as it is"
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"https?:", target):
                continue
            file, _, anchor = target.partition("#")
            there = path.parent / file if file else path
            if not there.exists():
                yield f"{name}:{number}: the link {target} leads nowhere"
            elif anchor and anchor not in anchors(there.read_text() if file else text):
                yield f"{name}:{number}: there is no heading for the link {target}"
    words = len(text.split())
    if words > MOST_WORDS.get(name, words):
        yield f"{name}: {words} words, more than {MOST_WORDS[name]}"


def self_test():
    path = ROOT / "README.md"
    wrong = ["x " * 100, "an end \n", "a <br> tag", "[x](no_such_file.md)", "[x](#no-such-heading)", "word " * 1300,
             "`run/no_such.cpp`"]
    right = ["# A heading\n\n[x](#a-heading) [y](docs/guide.md)", "`a <b> in code`", "```\n<b>\n```", "1 < 2", "`run/load_run.h` and `tests/support/png.h`"]
    missed = [text for text in wrong if not list(problems_of(path, text))]
    refused = [problem for text in right for problem in problems_of(path, text)]
    assert not missed and not refused, (missed, refused)
    print("problems are found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "*.md"], capture_output=True, text=True, check=False).stdout.split()
    paths = [ROOT / name for name in listed] or sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    problems = [problem for path in paths for problem in problems_of(path, path.read_text())]
    print("\n".join(problems))
    print(f"{len(paths)} documents, {len(problems)} problems")
    return sys.exit(bool(problems) or not paths)


if __name__ == "__main__":
    main()
