# SPDX-License-Identifier: MIT
"""fetcher - bearerd-fetch, started as bearerd starts it: a name goes into its socket, one line comes
out."""

import contextlib
import json
import os
import socket
import subprocess

SCOPE = "athena/service/Athenanet.MDP.*"
TIMEOUT = 30    # for what takes milliseconds


class Fetcher:
    """bearerd-fetch with a configuration of one token, from ENDPOINT."""

    def __init__(self, program, directory, endpoint):
        self.program = program
        self.directory = directory
        self.endpoint = endpoint
        self.secret_file = self.file("client_secret", endpoint.client_secret)
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.keys = {
            "token_url": endpoint.token_url,
            "tls_ca_file": endpoint.ca_file,
            "scope": SCOPE,
            "basic_encoding": "raw",
            "client_id": endpoint.client_id,
            "client_secret": f"file:{self.secret_file}",
        }
        self.said = ""

    def file(self, name, text, mode=0o600):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def lines(self):
        """A key may have a list of values: each is a line."""
        for key, values in self.keys.items():
            for value in values if isinstance(values, list) else [values]:
                if value is not None:
                    yield f"{key} = {value}"

    def arguments(self):
        config = self.file("bearerd.conf", "\n".join(["[token athena]", *self.lines(), ""]))
        return [str(self.program), "--config", str(config)]

    def start(self):
        ours, theirs = socket.socketpair()
        ours.settimeout(TIMEOUT)
        with theirs:
            process = subprocess.Popen(self.arguments(), stdin=theirs, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env=self.environment, text=True)
        return process, ours

    def finish(self, process, ours):
        """All that it answered."""
        answer = b""
        with ours, contextlib.suppress(ConnectionResetError):   # it did not read all of ours
            while data := ours.recv(65536):
                answer += data
        self.said, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, self.said
        assert self.endpoint.client_secret not in self.said + answer.decode()
        return answer

    def fetch(self, name="athena"):
        process, ours = self.start()
        ours.sendall(f"{name}\n".encode())
        answer = self.finish(process, ours)
        assert answer.count(b"\n") == 1 and answer.endswith(b"\n")
        return json.loads(answer)

    def check(self):
        return subprocess.run([*self.arguments(), "--check-config"], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=TIMEOUT, check=False)


def assert_outcome(outcome, kind, words, **others):
    assert outcome["outcome"] == kind, outcome
    assert words in outcome["message"], outcome
    assert "access_token" not in outcome
    assert {key: outcome.get(key) for key in others} == others
