# SPDX-License-Identifier: MIT
"""fetching - the lives of bearerd-fetch, each started on a socket as systemd does it, or to look at
its configuration.

It says one line or says why it does not, and grants nothing that the endpoint did not. That memory,
descriptors or chance are short is no mistake in the configuration, which would wait for its operator; but
for who is behind p11-kit (TELLS_SHORTAGE is false): that goes on without a driver which it cannot
load, and there is no such token then.
"""

import json
import os
import select
import socket
from errno import EMFILE, ENFILE, ENOMEM

from lives import Life
from page import HELPERS, LIBC, OURS
from process import DEADLINE, Hung

OUTCOMES = {"granted", "failed", "denied", "misconfigured"}
EX_OSERR = 71


def is_shortage(fault):
    return fault is not None and (fault.error in (ENOMEM, EMFILE, ENFILE) or
                                  fault.kind == "getrandom")


class Fetching(Life):
    """KEYS: of its configuration; none: what bearerd's own has."""
    program = "bearerd-fetch"

    def __init__(self, stage, keys=None, groups=OURS | HELPERS | LIBC, tells_shortage=True):
        super().__init__(stage)
        self.groups = groups
        self._tells_shortage = tells_shortage
        self.environment = {}
        self._config = (stage.config if keys is None
                        else stage.write_fetch_config(keys["client_id"], keys))

    def prepare(self):
        """What it finds."""

    def live(self, fault):
        self.prepare()
        self.arm(fault)
        return self.fetch(fault)

    def fetch(self, fault):
        ours, theirs = socket.socketpair()
        process = self.stage.start([self.stage.fetch, "--config", self._config],
                                   stdin=theirs.fileno(), **self.environment)
        theirs.close()
        try:
            ours.send(b"athena\n")
            line = self._hear(ours)
            process.wait()
            wrong = process.reports() + self._judge(process, line, fault)
            self.page.disarm()
            wrong += self.judge_left(fault)
        except (Hung, AssertionError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        finally:
            ours.close()
            process.end()
            self.page.disarm()
        return self.explain(process, fault, wrong)

    def judge_left(self, fault):
        """Of what it leaves."""
        return []

    def _hear(self, ours):
        data = b""
        while True:
            if not select.select([ours], [], [], DEADLINE)[0]:
                raise Hung("neither an answer nor an end")
            try:
                part = ours.recv(65536)
            except ConnectionResetError:
                part = b""          # it ended before it had heard the name
            if not part:
                return data
            data += part

    def _judge(self, process, line, fault):
        if process.status < 0:
            return [f"killed by signal {-process.status}"]
        if not line.endswith(b"\n"):
            # Half a line is none for bearerd.
            if line and fault.kind != "send":
                return [f"half a line: {line[:40]!r}"]
            if not process.log().strip() and fault.kind != "print" and not (
                    fault.kind == "send"):
                return [f"neither an answer nor a word, exit status {process.status}"]
            return []
        said = json.loads(line)
        if said["outcome"] not in OUTCOMES:
            return [f"{said}"]
        if said["outcome"] != "granted":
            return self._judge_failure(said, fault)
        if said["access_token"] not in self.stage.endpoint.tokens:
            return [f"a token that nobody has granted: {said}"]
        return [] if said["sent"] and said["expires_in"] == 3600 else [f"{said}"]

    def _judge_failure(self, said, fault):
        wrong = []
        if not fault:
            wrong.append(f"{said}")
        if not said.get("message"):
            wrong.append(f"no message: {said}")
        if self.stage.secrets.search(said.get("message", "")):
            wrong.append(f"a secret in its message: {said}")
        if self._tells_shortage and is_shortage(fault) and said["outcome"] != "failed":
            wrong.append(f"a shortage is no mistake of anybody's: {said}")
        return wrong


class Discovering(Fetching):
    """An issuer that is asked where its endpoint is, and what is kept of that. KEPT: it was asked
    before."""

    def __init__(self, stage, keys, is_kept):
        super().__init__(stage, {"token_url": None, "issuer": stage.endpoint.base_url} | keys)
        stage.endpoint.describe()
        self._cache = stage.directory / f"cache-{keys['client_id']}"
        self._cache.mkdir(0o700, exist_ok=True)
        self._file = self._cache / "athena.discovery"
        self.environment = {"CACHE_DIRECTORY": str(self._cache)}
        self._is_kept = is_kept
        self._document = None
        wrong = self.fetch(None)
        assert not wrong, wrong
        self._document = self._file.read_bytes()

    def prepare(self):
        for path in self._cache.iterdir():
            path.unlink()
        if self._is_kept:
            self._file.write_bytes(self._document)
            self._file.chmod(0o600)

    def judge_left(self, fault):
        """All of it, or nothing; and the next one goes well with what there is."""
        left = set(os.listdir(self._cache))
        if self._document and self._file.exists() and self._file.read_bytes() != self._document:
            return [f"it keeps {self._file.read_bytes()}"]
        if not fault or left == {self._file.name}:
            return []
        wrong = self.fetch(None)
        if set(os.listdir(self._cache)) != {self._file.name}:
            wrong.append(f"afterwards, it keeps {os.listdir(self._cache)}")
        return [f"with {left or 'nothing'} left: {each}" for each in wrong]


class Checking(Life):
    """--check-config of a client with a key: what reads and signs with it, and nothing else."""
    program = "bearerd-fetch"

    def __init__(self, stage, keys, groups, tells_shortage=True):
        super().__init__(stage)
        self.groups = groups
        self._tells_shortage = tells_shortage
        self._config = stage.write_fetch_config(keys["client_id"], keys)

    def live(self, fault):
        self.arm(fault)
        process = self.stage.start([self.stage.fetch, "--config", self._config, "--check-config"])
        try:
            process.wait()
            wrong = process.reports() + self._judge(process, fault)
        except Hung as error:
            wrong = [f"{type(error).__name__}: {error}"]
        finally:
            process.end()
            self.page.disarm()
        return self.explain(process, fault, wrong)

    def _judge(self, process, fault):
        if process.status < 0:
            return [f"killed by signal {-process.status}"]
        if process.status == 0:
            return [] if "all good" in process.log() else ["not a word"]
        if not fault or not process.log().strip():
            return [f"exit status {process.status}"]
        if self._tells_shortage and is_shortage(fault) and process.status != EX_OSERR:
            return [f"a shortage is no mistake in the configuration: exit status {process.status}"]
        return []
