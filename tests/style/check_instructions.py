#!/usr/bin/env python3
"""Checks that a build runs on older CPUs: in libgm, only the kernels of an AVX instruction set may contain AVX.

Usage: check_instructions.py OBJDUMP LIBRARY

On a machine with AVX, a test run does not notice AVX in other functions. The check also fails if it finds no AVX in the
kernels, because then it does not work.
"""
import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
AVX = re.compile(r"\tv[a-z0-9]+ ")  # Only names of instructions with a VEX or EVEX prefix begin with v.
KERNELS = re.compile(r"avx2|avx512")  # their namespaces, in mangled names


def functions_with_avx(objdump, library):
    command = [objdump, "--disassemble", "--no-show-raw-insn", library]
    function, found = None, set()
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if header := FUNCTION.match(line):
            function = header[1]
        elif AVX.search(line):
            found.add(function)
    return found


def main():
    found = functions_with_avx(*sys.argv[1:])
    leaked = sorted(function for function in found if not KERNELS.search(function))
    for function in leaked:
        print(f"AVX outside of the kernels: {function}")
    if leaked or not found:
        sys.exit("older CPUs would not run this library" if leaked else "no AVX at all: this check does not work")
    print(f"{len(found)} functions with AVX, all of them kernels")


if __name__ == "__main__":
    main()
