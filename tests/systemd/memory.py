#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""memory - what systemd keeps of bearerd in its file descriptor store, seen and changed from outside,
as root. Run in a booted system.

    memory.py length            bytes that there are, and of them in memory
    memory.py cut               takes the last byte away, which is not permitted
    memory.py holds TEXT        whether TEXT is in there: 0, else 1
    memory.py damage|version|boot   changes a bit of the text, of the version, of the boot id
"""

import os
import sys

VERSION, BOOT = 12, 16  # offsets, as wire/slots.c has them


def path():
    """systemd holds it open."""
    for fd in os.listdir("/proc/1/fd"):
        name = f"/proc/1/fd/{fd}"
        try:
            if os.readlink(name).startswith("/memfd:bearerd-store"):
                return name
        except FileNotFoundError:
            pass
    sys.exit("systemd keeps no bearerd-store")


def change(memory, offset):
    memory.seek(offset)
    byte = memory.read(1)[0]
    memory.seek(offset)
    memory.write(bytes([byte ^ 1]))


def parts(memory):
    """What is not a hole, for it is a large file with little in it."""
    size, at = os.fstat(memory.fileno()).st_size, 0
    while at < size:
        try:
            start = os.lseek(memory.fileno(), at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole from here on
            return
        at = os.lseek(memory.fileno(), start, os.SEEK_HOLE)
        yield start, os.pread(memory.fileno(), at - start, start)


def find(memory, text):
    for start, data in parts(memory):
        if text in data:
            return start + data.index(text)
    return None


def main():
    command = sys.argv[1]
    with open(path(), "r+b", buffering=0) as memory:
        if command == "length":
            status = os.fstat(memory.fileno())
            print(status.st_size, status.st_blocks * 512)
        elif command == "cut":
            memory.truncate(os.fstat(memory.fileno()).st_size - 1)
        elif command == "holds":
            return 0 if find(memory, sys.argv[2].encode()) is not None else 1
        elif command == "damage":
            change(memory, find(memory, b'"generation"'))
        else:
            change(memory, {"version": VERSION, "boot": BOOT}[command])
    return 0


if __name__ == "__main__":
    sys.exit(main())
