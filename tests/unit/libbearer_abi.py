#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What libbearer.so exports is what bearer.h declares, under LIBBEARER_0, at most 17 functions; it
needs libc alone. LIBRARY HEADER [--sanitized: the compiler's runtime is needed too]."""

import re
import subprocess
import sys

FUNCTIONS_MAX = 17


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    lines = output_of("nm", "-D", "--defined-only", library).splitlines()
    return {line.split()[-1] for line in lines if line.split()[1] != "A"}


def declared(header):
    with open(header, encoding="ascii") as file:
        code = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    return {name + "@@LIBBEARER_0" for name in re.findall(r"\b(bearer_\w+)\(", code)}


def needed(library):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-d", library)))


def main():
    library, header = sys.argv[1:3]
    assert exported(library) == declared(header), exported(library) ^ declared(header)
    assert 0 < len(declared(header)) <= FUNCTIONS_MAX, declared(header)
    assert "[libbearer.so.0]" in output_of("readelf", "-d", library)
    if "--sanitized" not in sys.argv:
        assert needed(library) == {"libc.so.6"}, needed(library)


main()
