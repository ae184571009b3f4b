# SPDX-License-Identifier: MIT
"""page - the test's end of what faults.c shares: what is to fail, and what was called."""

import mmap
import struct
from contextlib import contextmanager

# struct page of faults.c.
HEAD = struct.Struct("=IIiIIIIiII24s128s")
KIND = struct.Struct("=16s7I")
KINDS_MAX = 64
SIZE = HEAD.size + KINDS_MAX * KIND.size

OURS, HELPERS, LIBC, FOREIGN, KEYS, TOKEN = 1, 2, 4, 8, 16, 32
PARTIAL = -1        # instead of an errno


class Page:
    def __init__(self, path):
        """For the program that is called as the file is."""
        with open(path, "wb") as file:
            file.truncate(SIZE)
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)

    def clear(self):
        self._memory[:] = bytes(SIZE)

    def arm(self, kind, nth, error, onwards, groups):
        self._memory[:HEAD.size] = HEAD.pack(0, nth, error, onwards, groups, 0, 0, self.blocks,
                                             self.fds, self.turns, kind.encode(), b"")
        self._put(0, 1)

    def disarm(self):
        self._put(0, 0)

    @contextmanager
    def armed(self, *fault):
        self.arm(*fault)
        try:
            yield
        finally:
            self.disarm()

    def _put(self, index, value):
        struct.pack_into("=I", self._memory, 4 * index, value)

    def _get(self, index):
        return HEAD.unpack_from(self._memory)[index]

    seen = property(lambda self: self._get(5))      # calls of that kind since it was armed
    failed = property(lambda self: self._get(6))    # how many of them did
    blocks = property(lambda self: self._get(7))    # of memory, allocated now
    fds = property(lambda self: self._get(8))
    turns = property(lambda self: self._get(9))     # of the loop

    @property
    def where(self):
        return self._get(11).rstrip(b"\0").decode()

    def calls(self, groups):
        """How often each kind of call was made by GROUPS: {kind: number}."""
        found = {}
        for at in range(HEAD.size, SIZE, KIND.size):
            name, *numbers = KIND.unpack_from(self._memory, at)
            number = sum(each for i, each in enumerate(numbers) if groups & 1 << i)
            if number:
                found[name.rstrip(b"\0").decode()] = number
        return found
