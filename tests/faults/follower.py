# SPDX-License-Identifier: MIT
"""follower - a process that follows a token, of which nothing fails but what it meets: a worker with
an event loop (tests/e2e/follower.c), or another program that says a line for each generation."""

import os
import re
import subprocess

GENERATION = re.compile(r"(?:told|generation) (\d+)")


class Follower:
    def __init__(self, argv, **environment):
        self._process = subprocess.Popen(
            [str(each) for each in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=os.environ | environment)
        os.set_blocking(self._process.stderr.fileno(), False)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._data = b""
        self._said = ""
        self.lines = []
        self.last = 0           # the generation that it was told of last

    def _read(self):
        self._data += self._process.stdout.read() or b""
        *lines, self._data = self._data.split(b"\n")
        for line in lines:
            self.lines.append(line.decode())
            found = GENERATION.search(self.lines[-1])
            if found:
                self.last = int(found[1])

    def is_told(self, generation):
        """Whether it is told of GENERATION, or a later one."""
        self._read()
        return self.last >= generation

    def status(self):
        """Its own, once it has ended; None: it goes on."""
        return self._process.poll()

    def has_ended(self):
        return self.status() is not None

    def said(self):
        """On stderr."""
        if not self._process.stderr.closed:
            self._said += (self._process.stderr.read() or b"").decode(errors="replace")
        return self._said.strip()

    def end(self):
        self.said()
        self._process.kill()
        self._process.communicate()
