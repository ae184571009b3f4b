# SPDX-License-Identifier: MIT
"""stage - the temporary directory and the processes of a show.

Owns both: when a Stage is left, however that comes about, no process and no file remains.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

STOP_TIMEOUT = 10
PR_SET_PDEATHSIG = 1

# What is for bearerd alone, or for whoever started the show.
FOREIGN = re.compile(r"BEARERD_|LISTEN_|NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM")
libc = ctypes.CDLL(None)


def clean_environment():
    return {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}


def end_with_parent():
    """Should the show be killed outright, its processes end as well."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Stage:
    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="bearerd-"))
        self._processes = []
        return self

    def start(self, arguments, environment=None, **streams):
        """A process in a session of its own: Ctrl-C is for the show, which ends the others."""
        process = subprocess.Popen([str(each) for each in arguments], stdin=subprocess.DEVNULL,
                                   env=environment or clean_environment(), cwd=self.directory,
                                   start_new_session=True, preexec_fn=end_with_parent, **streams)
        self._processes.append(process)
        return process

    def write(self, name, text):
        """A file that only we can read."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def __exit__(self, *exception):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            self._end(process)
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def _end(process):
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        try:
            os.killpg(process.pid, signal.SIGKILL)      # what it may have left behind
        except ProcessLookupError:
            pass
