# SPDX-License-Identifier: MIT
"""viewer - a program on a terminal of its own: a pty, and what its screen shows.

It understands what bearerctl writes: home, erase to the end of a line, the other screen, the
cursor's visibility. Anything else is a failure. Behind the last column there is no place for the
cursor, as on the terminals that there are: who erases there erases what was written last.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

from pace import TIMEOUT, until

SEQUENCE = re.compile(r"\x1b\[(\?1049[hl]|\?25[hl]|[HK])")


class Viewer:
    def __init__(self, command, columns=100, lines=24, **environment):
        self.columns, self.lines = columns, lines
        self.is_other = False       # the other screen
        self.has_cursor = True
        self.left = []              # what was written on the usual screen
        self._clear()
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self._resize()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._slave)

    # What the user does.

    def type(self, keys):
        os.write(self._master, keys.encode())

    def resize(self, columns, lines):
        self._read()
        self.columns, self.lines = columns, lines
        self._cells = [line[:columns] for line in self._cells[:lines]]
        self._resize()

    def _resize(self):
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", self.lines, self.columns, 0, 0))

    def signal(self, number):
        self._process.send_signal(number)

    # What he sees.

    def screen(self):
        """The lines that there are on it."""
        self._read()
        return ["".join(line).rstrip() for line in self._cells]

    def wait_for(self, pattern, timeout=TIMEOUT):
        """Until the screen matches; the match."""
        return until(lambda: re.search(pattern, "\n".join(self.screen()), re.M), timeout,
                     lambda: f"{pattern!r} is not on the screen: {self.screen()}, {self.left}")

    def wait(self):
        """Until it has ended, and all is read; its exit status."""
        status = until(self._poll, explain=lambda: "it does not end")
        self._read()
        return status[0]

    def _poll(self):
        self._read()
        status = self._process.poll()
        return None if status is None else (status,)

    def is_stopped(self):
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        self._read()    # all that it has written before
        return state == "T"

    def settings(self):
        return termios.tcgetattr(self._slave)

    # The terminal.

    def _clear(self):
        self._cells = []
        self._row = self._column = 0

    def _read(self):
        while select.select([self._master], [], [], 0)[0]:
            self._rest += self._decoder.decode(os.read(self._master, 65536))
        while self._rest:
            if self._rest[0] != "\x1b":
                self._put(self._rest[0])
                self._rest = self._rest[1:]
                continue
            match = SEQUENCE.match(self._rest)
            if not match:
                assert len(self._rest) < 10, f"an unknown sequence: {self._rest[:20]!r}"
                return
            self._obey(match[1])
            self._rest = self._rest[match.end():]

    def _obey(self, what):
        if what in ("?1049h", "?1049l"):
            self.is_other = what == "?1049h"
            self._clear()
        elif what in ("?25h", "?25l"):
            self.has_cursor = what == "?25h"
        elif what == "H":
            self._row = self._column = 0
        elif what == "K":
            self._line()[min(self._column, self.columns - 1):] = []

    def _line(self):
        while len(self._cells) <= self._row:
            self._cells.append([])
        return self._cells[self._row]

    def _put(self, character):
        if not self.is_other:
            self.left.append(character)
        elif character == "\r":
            self._column = 0
        elif character == "\n":
            self._row += 1
            assert self._row < self.lines, "it scrolls"
        else:
            assert character.isprintable(), repr(character)
            assert self._column < self.columns, f"line {self._row} is too long: {self._cells}"
            line = self._line()
            line[self._column:self._column + 1] = [character]
            self._column += 1
