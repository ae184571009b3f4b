#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""core calls base's pure parts and an allow-list, wire those and core: no clock, descriptor, chance,
environment, locale or log; and nothing static in either can be written. [--instrumented: by sanitizers
or for coverage] LIBCORE.a LIBWIRE.a"""

import re
import subprocess
import sys

# Of libc, by what the sources say.
MEMORY = {
    "calloc", "explicit_bzero", "free", "malloc", "realloc", "reallocarray",
    "memchr", "memcmp", "memcpy", "memmem", "memmove", "mempcpy", "memset",
    "strchr", "strcmp", "strdup", "strlen", "strncmp", "strndup", "strnlen", "strrchr", "strspn",
    "strcspn", "strcpy", "stpcpy",
}
FORMATTING = {"asprintf", "snprintf", "vasprintf", "vsnprintf"}  # integers and strings alone
SORTING = {"bsearch", "qsort"}
# What compilers add by themselves.
RUNTIME = {"__assert_fail", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
INSTRUMENTS = r"__(asan|ubsan|sanitizer|gcov)_\w+"

# base's pure parts: no file, log or harden.
BASE = r"(buffer|decimal|secret|utf8)_\w+"

ALLOWED = {
    "core": MEMORY | FORMATTING | SORTING | RUNTIME,
    "wire": MEMORY | FORMATTING | SORTING | RUNTIME | {"inet_pton"},
}

# json-c, in two files, and of it what reads.
JSON_HOMES = ("wire_document.c.o", "wire_oauth.c.o")
JSON = r"json_object_(get|is|object_get|object_length)\w*|json_object_put|json_tokener_\w+"

WRITABLE = re.compile(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)\b.*")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def objects(archive):
    """[object, lines that nm says of it]; its name without folders."""
    name, lines = None, []
    for line in output_of("nm", archive).splitlines() + ["end:"]:
        if line.endswith(":"):
            if name:
                yield name, lines
            name, lines = line[:-1].rsplit("/", 1)[-1], []
        elif line:
            lines.append(line.split())


def plain(symbol):
    """FORTIFY_SOURCE's __memcpy_chk is memcpy; a version is no part of a name."""
    symbol = symbol.split("@")[0]
    checked = re.fullmatch(r"__(\w+)_chk", symbol)
    return checked[1] if checked else symbol


def undefined(archive):
    return [(name, plain(words[-1])) for name, lines in objects(archive)
            for words in lines if words[-2] in "Uwv"]


def defined(archive):
    return {words[-1] for _, lines in objects(archive) for words in lines if words[-2] in "TDRBVW"}


def may_call(layer, name, symbol):
    return (symbol in ALLOWED[layer] or re.fullmatch(BASE, symbol)
            or (name in JSON_HOMES and re.fullmatch(JSON, symbol)))


def calls(layer, archive, ours, is_instrumented):
    for name, symbol in undefined(archive):
        if symbol in ours or may_call(layer, name, symbol):
            continue
        if is_instrumented and re.fullmatch(INSTRUMENTS, symbol):
            continue
        yield f"{layer}: {name} must not call {symbol}"


def writable(layer, archive):
    """Sections of static variables, which must be empty. Tables of pointers to constants are in
    .data.rel.ro: written by the loader, then read-only."""
    name = None
    for line in output_of("size", "-A", archive).splitlines():
        words = line.split()
        if "(ex" in words or line.endswith(":"):
            name = words[0].rsplit("/", 1)[-1].rstrip(":")
        elif len(words) == 3 and WRITABLE.fullmatch(words[0]) and int(words[1]) > 0:
            yield f"{layer}: {name} has {words[1]} bytes that can be written, in {words[0]}"


def main():
    arguments = sys.argv[1:]
    is_instrumented = arguments[0] == "--instrumented"
    core, wire = arguments[is_instrumented:]
    mistakes = list(calls("core", core, defined(core), is_instrumented))
    mistakes += calls("wire", wire, defined(core) | defined(wire), is_instrumented)
    if not is_instrumented:  # instruments keep records of their own there
        mistakes += [*writable("core", core), *writable("wire", wire)]
    for mistake in mistakes:
        print(mistake)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
