#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manual pages, installed: each is clean, is found by man(1), and says all that there is. Every
command, option and exit status of the programs' --help, and of that of each command, is in their
page and the other way round, as is every function and result of bearer.h. (Keys of bearerd.conf(5):
tests/unit/test_config.c.) And every file and module that a guide names is there.

SOURCE BUILD BEARERCTL BEARERD BEARERD_FETCH"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

# What scdoc writes into every page, and no reader sees: a paragraph before each section and each
# indentation, lines as long as the source's, and a title in the case of the program's name.
OF_SCDOC = re.compile(r"skipping paragraph macro: PP (empty|after SH|after SS)$|"
                      r"STYLE: input text line longer than 80 bytes|"
                      r"STYLE: lower case character in document title")
HEADER = "include/bearer.h"
OPTION = r"--[a-z][a-z-]*"
# What begins in one of the source's folders, or in one of daemon/'s, as an #include does.
FILE = r"`((?:base|client|core|daemon|docs|fetch|include|io|systemd|tests|wire)/[^`\s:*]*)"


def output_of(*command, **more):
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    return done.stdout


class Manual:
    def __init__(self, source, installed):
        self.source = source
        self.directory = installed
        self.mistakes = []
        self.texts = {path.name.removesuffix(".scd"): path.read_text(encoding="utf-8")
                      for path in (source / "docs/man").glob("*.scd")}

    def say(self, page, mistake):
        self.mistakes.append(f"{page}: {mistake}")

    def compare(self, page, what, said, there):
        for name in sorted(said - there):
            self.say(page, f"{what} {name} is not there")
        for name in sorted(there - said):
            self.say(page, f"nothing is said of {what} {name}")

    def found(self, name, section):
        """What man(1) shows, by the name of its file."""
        path = output_of("man", "-M", self.directory, "-w", section, name).strip()
        return pathlib.Path(path).resolve().name if path.startswith("/") else None

    def check_forms(self):
        for page in self.texts:
            path = self.directory / f"man{page[-1]}" / page
            for line in output_of("mandoc", "-T", "lint", path).splitlines():
                if not OF_SCDOC.search(line):
                    self.say(page, line)
            for line in output_of("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path,
                                  env=os.environ | {"LC_ALL": "C.UTF-8", "MANROFFSEQ": "",
                                                    "MANWIDTH": "80"}).splitlines():
                if "warning:" in line or "error:" in line:
                    self.say(page, line)
            if self.found(page[:-2], page[-1]) != page:
                self.say(page, "man -w does not find it")

    def check_references(self):
        """Pages of ours that a page names are there."""
        for page, text in self.texts.items():
            for name, section in re.findall(r"\*(bearer[\w.-]*|libbearer)\*\((\d)\)", text):
                if not self.found(name, section):
                    self.say(page, f"{name}({section}) is not there")

    def check_guides(self):
        for guide in [*(self.source / "docs").glob("*.md"), self.source / "README.md"]:
            for name in sorted(set(re.findall(FILE, guide.read_text(encoding="utf-8")))):
                if not any((folder / (name + ending)).exists() for ending in ("", ".c", ".h")
                           for folder in (self.source, self.source / "daemon")):
                    self.say(guide.name, f"{name} is not there")

    def check_program(self, page, program, commands=()):
        text, help_text = self.texts[page], output_of(program, "--help")
        told = "\n".join([help_text, *(output_of(program, each, "--help") for each in commands)])
        self.compare(page, "option", set(re.findall(rf"\*({OPTION})\*", text)),
                     set(re.findall(OPTION, told)))
        statuses = re.findall(r"^[|][ \[]+ \*(\d+)\*$", text, re.M)
        _, _, said = help_text.partition("Exit status:")
        if said:
            self.compare(page, "status", set(statuses),
                         set(re.findall(r"(?:^ *|; |: |, )(\d+) ", said.split("exec:")[0], re.M)))

    def check_commands(self, page, program):
        lists = re.findall(r"^Commands for \w+:\n(.*?)\n\n", output_of(program, "--help"),
                           re.M | re.DOTALL)
        commands = set(re.findall(r"^  (\w+)", "\n".join(lists), re.M))
        _, *parts = re.split(r"^#+ (\w+).*$", self.texts[page], flags=re.M)
        sections = dict(zip(parts[::2], parts[1::2]))
        self.compare(page, "command", set(re.findall(r"^## (\w+)", self.texts[page], re.M)),
                     commands)
        for command in commands & set(sections):
            said = re.findall(rf"^\*({OPTION})\*", sections[command], re.M)
            there = re.findall(rf"^  ({OPTION})", output_of(program, command, "--help"), re.M)
            self.compare(page, f"{command}'s option", set(said), set(there))
        self.check_program(page, program, sorted(commands))

    def check_library(self):
        header = (self.source / HEADER).read_text(encoding="ascii")
        code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
        functions = {re.sub(r"\s*BEARER_MUST_USE", "", " ".join(declaration.split()))
                     for declaration in re.findall(r"^\w[^;{}#]*?\b(?:bearer_\w+)\([^;]*\)[^;]*;",
                                                   code, re.M | re.DOTALL)}
        said = set()
        for page, text in self.texts.items():
            synopsis = text.partition("# SYNOPSIS")[2].partition("\n# ")[0]
            for paragraph in synopsis.split("\n\n"):
                if "bearer_" in paragraph:
                    plain = re.sub(r"(?<![\w\\])_|_(?!\w)|(?<!\\)\*|\\|\+\+$", "", paragraph,
                                   flags=re.M)
                    said.add(" ".join(plain.split()))
                    name = re.search(r"(bearer_\w+)\(", plain)[1]
                    if self.found(name, "3") != page:
                        self.say(page, f"man 3 {name} does not show it")
        self.compare("bearer_*.3", "function",
                     {line.removesuffix(";") for line in said},
                     {line.removesuffix(";") for line in functions})
        self.compare("bearer_strerror.3", "result",
                     set(re.findall(r"^\*(BEARER_E_\w+)\*$", self.texts["bearer_strerror.3"], re.M)),
                     set(re.findall(r"\b(BEARER_E_\w+) = ", code)))


def main():
    source, build, bearerctl, bearerd, fetch = (pathlib.Path(word) for word in sys.argv[1:])
    with tempfile.TemporaryDirectory() as installed:
        installed = pathlib.Path(installed)
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--tags", "man",
                        "--destdir", installed], check=True)
        found = list(installed.rglob("man8"))
        manual = Manual(source, found[0].parent)
        manual.check_forms()
        manual.check_references()
        manual.check_commands("bearerctl.1", bearerctl)
        manual.check_program("bearerd.8", bearerd)
        manual.check_program("bearerd-fetch.8", fetch)
        manual.check_library()
        manual.check_guides()
    for mistake in manual.mistakes:
        print(mistake)
    return 1 if manual.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
