# SPDX-License-Identifier: MIT
"""following - processes that follow a token, and new tokens for them to be told of."""

import os
import subprocess
import time

from pace import SPACING, until


class Follower:
    """A process that writes lines, until its standard input ends."""

    def __init__(self, bearerd, command):
        self.bearerd = bearerd
        self.error_file = bearerd.directory / "follower.err"
        with open(self.error_file, "wb") as errors:
            self._process = subprocess.Popen(
                [str(each) for each in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True,
                env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket)})

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.communicate()

    def line(self):
        return self._process.stdout.readline().rstrip("\n")

    def rest(self):
        """Ends its input, and it with that; what it still says."""
        said, _ = self._process.communicate(timeout=20)
        assert self._process.returncode == 0
        return said

    def errors(self):
        return self.error_file.read_text()

    def signal(self, number):
        self._process.send_signal(number)

    def child(self):
        """The pid of the one process that it has started."""
        pid = self._process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read())

    def poll(self):
        return self._process.poll()

    def wait(self):
        """Its exit status, when it ends by itself."""
        return self._process.wait(20)


def generation(bearerd):
    return bearerd.get("/v1/token").body["generation"]


def renew(bearerd):
    before = generation(bearerd)
    time.sleep(SPACING)
    bearerd.reload()
    return until(lambda: generation(bearerd) > before and generation(bearerd))
