# SPDX-License-Identifier: MIT
"""fetching - the lives of bearerd-fetch, each started on a socket as systemd does it.

It says one line or says why it does not, and grants nothing that the endpoint did not."""

import json
import select
import socket

from lives import Life
from page import FOREIGN, HELPERS, LIBC, OURS
from process import DEADLINE, Hung

OUTCOMES = {"granted", "failed", "denied", "misconfigured"}


class Fetching(Life):
    program = "bearerd-fetch"
    groups = OURS | HELPERS | LIBC

    def live(self, fault):
        self.arm(fault)
        ours, theirs = socket.socketpair()
        process = self.stage.start([self.stage.fetch, "--config", self.stage.config],
                                   stdin=theirs.fileno())
        theirs.close()
        try:
            ours.send(b"athena\n")
            line = self._hear(ours)
            process.wait()
            wrong = process.reports() + self._judge(process, line, fault)
        except (Hung, AssertionError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        finally:
            ours.close()
            process.end()
            self.page.disarm()
        return self.explain(process, fault, wrong)

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
            return ([] if fault else [f"{said}"]) + ([] if said.get("message") else
                                                     [f"no message: {said}"])
        if said["access_token"] not in self.stage.endpoint.tokens:
            return [f"a token that nobody has granted: {said}"]
        return [] if said["sent"] and said["expires_in"] == 3600 else [f"{said}"]


class FetchingForeign(Fetching):
    """The same, with faults in libcurl, OpenSSL and what they stand on."""
    groups = FOREIGN
