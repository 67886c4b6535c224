#!/usr/bin/env python3
"""Checks the vocabulary: fails on a word for which the field has a better known one.

Usage: check_words.py               checks sources, tests, scripts and documents
       check_words.py --self-test   checks that it finds such words, in sample texts
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = ("README.md", "CMakeLists.txt", "cluster", "cmake", "configs", "docs", "launch", "monitoring", "src", "tests")
# Files that need the old words: old names that are still read, files of old versions, malformed files.
EXEMPT = re.compile(r"src/config/renames\.|tests/style/check_words\.py|tests/fuzz/corpus/|tests/system/runs_of_version_1/|"
                    r"run_identity_test\.cpp|system/old_names_test\.py")
TEXT = {".cpp", ".h", ".c", ".py", ".md", ".cmake", ".txt", ".toml", ".in", ".sh", ".sbatch", ".def", ".yml", ""}

# A word, and its replacement.
WORDS = [
    (r"pictures?", "image"),
    (r"holes?", "mask, masked image, masked pixels; gap of a file"),
    (r"(go|goes|going|went) on", "resume, continue"),
    (r"homework", "denoising-diffusion-pytorch 0.27.12"),
    (r"data sets?", "dataset"),
    (r"passed over", "rejected"),
]
# In identifiers, capitals and underscores separate words.
PATTERN = re.compile("|".join(rf"(?P<w{i}>(?<![A-Za-z]){word}(?![a-z]))" for i, (word, _) in enumerate(WORDS)), re.IGNORECASE)
CAMEL = re.compile(r"[A-Za-z]*(?:Picture|Hole)s?(?![a-z])[A-Za-z]*|[A-Za-z]*GoesOn[A-Za-z]*")


def problems_of(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for found in PATTERN.finditer(line):
            index = next(i for i in range(len(WORDS)) if found[f"w{i}"])
            yield f"{name}:{number}: \"{found[0]}\": write {WORDS[index][1]}"
        for found in CAMEL.finditer(line):
            if not PATTERN.fullmatch(found[0]):
                yield f"{name}:{number}: \"{found[0]}\": contains a word that must not be used"


def files():
    for place in PLACES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            name = file.relative_to(ROOT).as_posix()
            if file.is_file() and file.suffix in TEXT and not EXEMPT.search(name) and "__pycache__" not in name:
                yield name, file


def self_test():
    bad = ["a picture", "kPictures", "BorderedPictures", "the hole's edge", "psnr_hole", "the run goes on", "the homework", "a data set"]
    good = ["the whole image", "WholeNumber", "as holds", "going once", "database", "data setting"]
    missed = [text for text in bad if not list(problems_of("", text))]
    wrong = [text for text in good if list(problems_of("", text))]
    assert not missed and not wrong, (missed, wrong)
    print("all words that must not be used were found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    checked, problems = 0, []
    for name, file in files():
        checked += 1
        problems += problems_of(name, file.read_text(errors="replace"))
    print("\n".join(problems))
    print(f"{checked} files, {len(problems)} words that must not be used")
    return sys.exit(bool(problems) or checked < 100)


if __name__ == "__main__":
    main()
