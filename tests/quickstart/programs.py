# SPDX-License-Identifier: MIT
"""programs - the programs on the stage: bearerd, the stand-in, and the workers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from stage import clean_environment
from unixhttp import UnixHTTPConnection

HERE = Path(__file__).resolve().parent
START_TIMEOUT = 20
POLL_INTERVAL = 0.02
LOG = "bearerd.log"
PRIORITY = re.compile(r"<\d>")


class NotShown(Exception):
    """What was to be shown did not happen."""


class Bearerd:
    """The built bearerd in the foreground, with the built bearerd-fetch."""

    def __init__(self, stage, build, arguments=(), variables=None):
        self.socket = stage.directory / "token.sock"
        with open(stage.directory / LOG, "wb") as log:
            self.process = stage.start(
                [build / "daemon/bearerd", "--socket", self.socket,
                 "--fetch", build / "daemon/fetch/bearerd-fetch", *arguments],
                {**clean_environment(), **(variables or {})}, stdout=log, stderr=log)
        self._await_socket()
        self._connection = UnixHTTPConnection(self.socket)

    def _await_socket(self):
        deadline = time.monotonic() + START_TIMEOUT
        while not self.socket.exists():
            if self.process.poll() is not None:
                raise NotShown(f"bearerd does not start, exit status {self.process.returncode}")
            if time.monotonic() > deadline:
                raise NotShown(f"bearerd opens no socket within {START_TIMEOUT} s")
            time.sleep(POLL_INTERVAL)

    def get(self, path):
        return self._connection.get(path)

    def status(self):
        """Of its one token: what GET /v1/tokens says."""
        return self.get("/v1/tokens").body["tokens"][0]

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(START_TIMEOUT)


def operator_lines(stage):
    """What bearerd has logged, as on a terminal."""
    log = stage.directory / LOG
    text = log.read_text(errors="replace") if log.exists() else ""
    return [PRIORITY.sub("", line, count=1) for line in text.splitlines()]


class Endpoint:
    """tests/standin/standin.py as a process: what it is told, and what reached it."""

    def __init__(self, stage):
        self.directory = stage.directory / "standin"
        process = stage.start([sys.executable, HERE.parent / "standin/standin.py",
                               "--directory", self.directory], stdout=subprocess.PIPE, text=True)
        ready, _, self.token_url = process.stdout.readline().strip().partition(" ")
        if ready != "ready":
            raise NotShown("the stand-in does not start")
        self.ca_file = self.directory / "ca.pem"
        self.statuses = []      # of the requests for a token, as they were answered
        self._records = open(self.directory / "requests.jsonl", encoding="ascii")
        self._partial = ""

    def command(self, name, **told):
        with UnixHTTPConnection(self.directory / "control.sock") as connection:
            answer = connection.ask("POST", f"/{name}", body=json.dumps(told))
        if answer.status != 200:
            raise NotShown(f"the stand-in does not {name}: {answer.body}")

    def count(self, status=None):
        """The requests that reached it for a token; those that it answered with STATUS."""
        *lines, self._partial = (self._partial + self._records.read()).split("\n")
        records = map(json.loads, lines)
        self.statuses += [record["status"] for record in records if record["on"] == "token"]
        return len(self.statuses) if status is None else self.statuses.count(status)


def start_workers(stage, n, socket, *api):
    """N processes, and the file to read their reports from."""
    reading, writing = os.pipe()
    workers = [stage.start([sys.executable, HERE / "worker.py", number, socket, *api],
                           stdout=writing) for number in range(1, n + 1)]
    os.close(writing)
    return workers, os.fdopen(reading, encoding="ascii")
