# SPDX-License-Identifier: MIT
"""keeper - a worker in C with libbearer, that keeps its tokens: keeper.c, and who tells it what to do.

Whether it asked bearerd or not is counted at bearerd, not believed.
"""

import os
import subprocess

import operators

TIMEOUT = 30


def start(bearerd, epoch=None):
    """BEARERD is started with a file of epochs and a control socket; an Operator there."""
    bearerd.arguments += ["--epoch", epoch or bearerd.directory / "epoch"]
    return operators.start(bearerd)


def given(operator, name="athena"):
    """How often bearerd has given that token."""
    return operator.token(name)["counters"]["replies"]["token"]


class Keeper:
    def __init__(self, programs, bearerd, **process):
        self._process = subprocess.Popen(
            [programs.libraries.parent / "tests/e2e/test-keeper"],
            env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        assert self._process.wait(TIMEOUT) == 0
        self._process.stdout.close()

    def say(self, *words):
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def get(self, *name):
        """The generation of what it has got."""
        said = self.say("get", *name)
        assert said.isdigit(), said
        return int(said)
