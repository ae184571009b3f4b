#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""base <- core <- wire <- io <- app: each file includes only what its layer may, itself and through
what it includes. Each foreign header has its home. Headers say #pragma once, and every file says
its licence. Takes the root of the sources."""

import pathlib
import re
import sys

# What a layer may reach by #include "...", as regular expressions of whole paths below daemon/, or
# below the root for client/ and include/.
BASE = r"base/\w+\.h"
CORE = r"core/\w+\.h"
VALUES = r"core/(b64token|epoch|name|outcome|terms)\.h"  # of core, what is no mind
WIRE = r"wire/\w+\.h"
CLIENT_WIRE = r"wire/(api|client_auth|epoch|events|http1|json|response)\.h"
MAY_REACH = {
    "daemon/base": [BASE],
    "daemon/core": [BASE, CORE],
    "daemon/wire": [BASE, CORE, WIRE],
    "daemon/io": [BASE, CORE, WIRE, r"io/\w+\.h"],
    "daemon/fetch": [BASE, VALUES, WIRE, r"fetch/\w+\.h", r"config_file\.h"],
    "daemon": [BASE, CORE, WIRE, r"io/\w+\.h", r"\w+\.h"],
    "client": [BASE, VALUES, CLIENT_WIRE, r"client/\w+\.h", r"bearer\.h"],
    # The doctor alone reads bearerd's configuration.
    "client/doctor": [BASE, VALUES, CLIENT_WIRE,
                      r"wire/(config|metadata|url)\.h", r"client/(doctor/)?\w+\.h",
                      r"config_file\.h", r"bearer\.h"],
    "include": [],
}

# Files that two layers share go by the stricter one.
SAME_AS = {"daemon/config_file.c": "daemon/fetch", "daemon/config_file.h": "daemon/fetch"}

# Where headers of libraries live.
HOMES = {
    r"curl/.*": r"daemon/fetch/(probe|request|transfer|way)\.[ch]",
    r"json-c/.*": r"daemon/wire/(document|oauth)\.c|client/bearerctl\w*\.c|client/doctor/\w+\.c",
    r"event2/.*|event\.h": r"daemon/io/\w+\.[ch]",
    r"jose/.*|jansson\.h": r"daemon/fetch/key\.c",
    r"openssl/.*": r"daemon/fetch/(certificate|key|pkcs11)\.c",
    r"systemd/.*": r"daemon/io/\w+\.[ch]",
}

# The headers of libc that core and wire may include themselves: no clock, descriptor, process,
# environment, locale or thread in them that is not caught by what they may call (test_purity.py).
PURE_FOLDERS = ("daemon/core", "daemon/wire")
PURE = {
    "assert.h", "errno.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h",
    "stdlib.h", "string.h", "sys/types.h",
    "arpa/inet.h", "netinet/in.h",  # inet_pton, and the numbers of addresses
    "stdatomic.h",                  # what other processes read is of atomic types
    "sys/un.h",                     # how long a socket's path may be
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>|(\S+))', re.M)
SPDX = "SPDX-License-Identifier: MIT"
WITHOUT_SPDX = re.compile(r"LICENSE|README\.md|.*/__pycache__/.*")
OURS = ("check", "quickstart", "meson.build", "meson_options.txt")


def layer_of(path):
    return SAME_AS.get(path, str(pathlib.PurePath(path).parent))


class Sources:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.mistakes = []

    def say(self, path, mistake):
        self.mistakes.append(f"{path}: {mistake}")

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def files(self, *folders, suffixes):
        found = (file for folder in folders for file in (self.root / folder).rglob("*"))
        return sorted(str(file.relative_to(self.root)) for file in found
                      if file.suffix in suffixes and file.is_file())

    def resolve(self, including, name):
        """The path from the root of what INCLUDING calls NAME, as the compiler finds it."""
        near = pathlib.PurePath(including).parent / name
        for path in (near, pathlib.PurePath("daemon") / name, pathlib.PurePath(name),
                     pathlib.PurePath("include") / name):
            if (self.root / path).is_file():
                return str(path)
        return None

    def own_includes(self, path):
        for own, _, odd in INCLUDE.findall(self.text(path)):
            if odd:
                self.say(path, f"#include {odd}: neither \"...\" nor <...>")
            if own:
                yield own

    def check_reach(self, path):
        allowed = MAY_REACH[layer_of(path)]
        todo, seen = [path], {path}
        while todo:
            via = todo.pop()
            for name in self.own_includes(via):
                target = self.resolve(via, name)
                if target is None:
                    self.say(via, f'"{name}" is none of our files')
                    continue
                if target in seen:
                    continue
                seen.add(target)
                short = re.sub(r"^(daemon|include)/", "", target)
                if any(re.fullmatch(pattern, short) for pattern in allowed):
                    todo.append(target)
                else:
                    self.say(path, f"{layer_of(path)} must not reach {target}"
                             + (f", by {via}" if via != path else ""))

    def check_libraries(self, path):
        for _, header, _ in INCLUDE.findall(self.text(path)):
            if not header:
                continue
            for library, home in HOMES.items():
                if re.fullmatch(library, header) and not re.fullmatch(home, path):
                    self.say(path, f"<{header}> lives elsewhere: {home}")
            if (layer_of(path) in PURE_FOLDERS and header not in PURE
                    and not any(re.fullmatch(library, header) for library in HOMES)):
                self.say(path, f"<{header}> is nothing for {layer_of(path)}")

    def check_header(self, path):
        if path.endswith(".h") and "\n#pragma once\n" not in self.text(path):
            self.say(path, "no #pragma once")

    def check_licence(self, path):
        head = self.text(path).split("\n")[:3]
        if not any(SPDX in line for line in head):
            self.say(path, f"no {SPDX} in its first lines")

    def licensed(self):
        """Sources, build files and scripts, tests too."""
        folders = [entry.name for entry in self.root.iterdir()
                   if entry.is_dir() and not entry.name.startswith((".", "build"))]
        paths = self.files(*folders, suffixes={".c", ".h", ".go", ".js", ".mjs", ".php", ".py",
                                               ".sh", ".ts", ".map", ".in"})
        paths += [str(file.relative_to(self.root)) for folder in folders
                  for file in (self.root / folder).rglob("meson.build")]
        paths += [name for name in OURS if (self.root / name).is_file()]
        return [path for path in paths if not WITHOUT_SPDX.fullmatch(path)]

    def check(self):
        for path in self.files("daemon", "client", "include", suffixes={".c", ".h"}):
            if layer_of(path) not in MAY_REACH:
                self.say(path, "belongs to no layer")
                continue
            self.check_reach(path)
            self.check_libraries(path)
        for path in self.licensed():
            self.check_licence(path)
            self.check_header(path)


def main():
    sources = Sources(sys.argv[1])
    sources.check()
    for mistake in sources.mistakes:
        print(mistake)
    return 1 if sources.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
