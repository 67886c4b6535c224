#!/usr/bin/env python3
"""Holds the promise that a build starts on an older CPU: in libgm, AVX lies in the kernels of their instruction sets alone.

Usage: check_instructions.py OBJDUMP LIBRARY

A machine that has AVX runs what has leaked out of them without a word. So that the check can fail, it demands to find AVX
in the kernels.
"""
import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
AVX = re.compile(r"\tv[a-z0-9]+ ")  # only instructions with a VEX or EVEX prefix begin with a v
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
        sys.exit("older CPUs would not run this library" if leaked else "no AVX at all: the check sees nothing")
    print(f"{len(found)} functions with AVX, all in kernels of their own")


if __name__ == "__main__":
    main()
