# SPDX-License-Identifier: MIT
"""screen - what the show looks like: 80 columns of plain ASCII, and a live line.

On a terminal the live line is redrawn, and there are colours unless NO_COLOR (no-color.org) is set.
Elsewhere the live line becomes a line a second. Must never be given a token or a secret.
"""

import os
import textwrap
import time

WIDTH = 80
INDENT = 4
LIVE_INTERVAL = 1

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"


class Screen:
    def __init__(self, out):
        self._out = out
        self.is_terminal = out.isatty()
        self._has_colours = (self.is_terminal and not os.environ.get("NO_COLOR")
                             and os.environ.get("TERM") != "dumb")
        self._is_live = False       # the cursor is behind a live line
        self._next_live = 0.0

    def headline(self, text):
        self._line()
        self._line(text, BOLD)

    def say(self, text, colour=None):
        self._wrapped(" " * INDENT, text, colour)

    def done(self, text):
        self._wrapped("ok".ljust(INDENT), text, None, GREEN)

    def failed(self, text):
        self._wrapped("FAILED ", text, None, RED)

    def quote(self, text):
        """A line of bearerd's log."""
        self._wrapped(" " * INDENT + "| ", text, YELLOW, repeat=True)

    def pair(self, what, value):
        self._wrapped((" " * INDENT + what).ljust(40), value)

    def command(self, text):
        self._line(" " * INDENT + text)

    def live(self, text):
        now = time.monotonic()
        text = (" " * INDENT + text)[:WIDTH - 1]
        if self.is_terminal:
            self._write(f"\r{self._painted(text, DIM)}\033[K")
            self._is_live = True
        elif now >= self._next_live:
            self._next_live = now + LIVE_INTERVAL
            self._line(text)

    def clear(self):
        """Takes the live line away."""
        if self._is_live:
            self._write("\r\033[K")
            self._is_live = False

    def _wrapped(self, lead, text, colour=None, lead_colour=None, repeat=False):
        wrapped = textwrap.wrap(text, WIDTH - len(lead), break_on_hyphens=False)
        for number, line in enumerate(wrapped or [""]):
            head = lead if number == 0 or repeat else " " * len(lead)
            self._line(self._painted(head, lead_colour) + self._painted(line, colour))

    def _line(self, text="", colour=None):
        self.clear()
        self._write(self._painted(text, colour) + "\n")

    def _painted(self, text, colour):
        return f"\033[{colour}m{text}\033[0m" if colour and text and self._has_colours else text

    def _write(self, text):
        self._out.write(text)
        self._out.flush()
