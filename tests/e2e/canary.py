# SPDX-License-Identifier: MIT
"""canary - a value that must not get out, in every form in which it could.

Looked for in pieces of PIECE bytes or a few more, so that a part of it is found as well.

As a program, for tests in shell: `canary.py CANARY PATH...` says where the value in the file CANARY,
or those in the files of the directory CANARY, are found, a line for each place, and ends with 1 if
there is any. It searches what PATHs are: files, directories with all that is in them, a list of them
(`list:PATH`), the memory of a process (`mem:PID`) or the files that it holds open (`fds:PID`), or
standard input (`-`).
"""

import base64
import json
import os
import stat
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import process

PIECE = 16


def base64_inside(data, shift, alphabet):
    """What of DATA's base64 is always the same when SHIFT bytes (modulo 3) come before it."""
    digits = base64.b64encode(b"\0" * shift + data, alphabet)
    return digits[(8 * shift + 5) // 6:8 * (shift + len(data)) // 6]


def lower_escapes(text):
    """%2F as %2f."""
    parts = text.split("%")
    return "%".join([parts[0], *[part[:2].lower() + part[2:] for part in parts[1:]]])


def forms(value):
    """By their names, as bytes."""
    written = {"raw": value, "json": json.dumps(value)[1:-1], "url": quote(value, safe=""),
               "form": quote_plus(value)}
    found = {name: text.encode() for name, text in written.items()}
    for name in ("url", "form"):
        found[f"{name} in lower case"] = lower_escapes(written[name]).encode()
    # Basic credentials are the base64 of either, after an id of any length.
    for name in ("raw", "form"):
        data = found[name]
        found[f"{name} as hex"] = data.hex().encode()
        found[f"{name} as HEX"] = data.hex().upper().encode()
        for shift in range(3):
            found[f"{name} as base64, {shift} bytes in"] = base64_inside(data, shift, b"+/")
            found[f"{name} as base64url, {shift} bytes in"] = base64_inside(data, shift, b"-_")
    return found


def pieces(data):
    n = max(1, len(data) // PIECE)
    size = -(-len(data) // n)
    return [data[start:start + size] for start in range(0, len(data), size)]


class Canary:
    def __init__(self, value):
        self._value = value
        self._pieces = {}       # bytes: the form that they are of
        for name, data in forms(value).items():
            assert len(data) >= PIECE, f"too short to be told from others: {name}"
            for piece in pieces(data):
                if len(piece) >= PIECE * 3 // 4:
                    self._pieces.setdefault(piece, name)

    @classmethod
    def of_token(cls, token):
        """Its signature: the rest of a token is like that of others."""
        return cls(token.rsplit(".", 1)[-1])

    def __repr__(self):
        return f"{self._value[:8]}..."

    def found_in(self, data):
        """The forms of it that are in there."""
        if isinstance(data, str):
            data = data.encode(errors="surrogateescape")
        return sorted({name for piece, name in self._pieces.items() if piece in data})


def assert_free_of(canaries, *texts):
    for text in texts:
        found = {repr(each): each.found_in(text) for each in canaries if each.found_in(text)}
        assert not found, f"{found} in {text}"


def found_in_process(canary, pid):
    """The places in the memory of a process where it is, and in which form."""
    return [(place, form) for place, data in process.memory(pid) for form in canary.found_in(data)]


# The program.

def files_of(path):
    """PATH itself, or all files in it."""
    if not os.path.isdir(path):
        yield path
    for directory, _, names in os.walk(path):
        yield from (os.path.join(directory, name) for name in sorted(names))


def content(path):
    """b"" of what is no regular file, or has gone meanwhile."""
    try:
        return Path(path).read_bytes() if stat.S_ISREG(os.lstat(path).st_mode) else b""
    except OSError:
        return b""


def contents(where):
    """(place, bytes) of all that WHERE is."""
    kind, _, rest = where.partition(":")
    if where == "-":
        yield "standard input", sys.stdin.buffer.read()
    elif kind == "mem":
        yield from process.memory(int(rest))
    elif kind == "fds":
        yield from process.files(int(rest))
    elif kind == "list":
        for path in Path(rest).read_text(encoding="utf-8").splitlines():
            yield path, content(path)
    else:
        yield from ((path, content(path)) for path in files_of(where))


def main():
    canaries = {path: Canary(Path(path).read_text(encoding="utf-8"))
                for path in files_of(sys.argv[1])}
    found = [f"{place}: {form} of {os.path.basename(path)}"
             for where in sys.argv[2:] for place, data in contents(where)
             for path, canary in canaries.items() for form in canary.found_in(data)]
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
