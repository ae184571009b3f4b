# SPDX-License-Identifier: MIT
"""oidc_agent - Debian's oidc-agent with one account, of a provider of ours.

It answers one request on a connection, in JSON (plain, as its libraries for Python and Go ask; its
own oidc-token encrypts both, which costs more). It is two processes: one takes requests, the other
has the tokens, and talks to the provider.
"""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from provider import Provider
from servers import Way, path_of
from stage import EXPIRES_IN, SLOW, output_of, until

ACCOUNT = "bench"
GENERATE = ["--manual", "--flow=refresh", "--rt=refresh", "--client-id=client",
            "--client-secret=secret", "--scope=openid offline_access", "--redirect-uri=",
            "--confirm-default", "--no-url-call", "--pw-cmd=echo password"]


def request(min_valid):
    return json.dumps({"request": "access_token", "account": ACCOUNT,
                       "min_valid_period": min_valid}).encode()


class OidcAgent:
    def __init__(self, stage, wrapper, token):
        self._stage = stage
        self._home = stage.directory / "home"
        (self._home / ".oidc-agent").mkdir(parents=True)
        self.provider = stage.enter_context(Provider(stage.endpoint.directory, token))
        self.socket = stage.directory / "oidc.sock"
        self._environment = os.environ | {"HOME": str(self._home), "OIDC_SOCK": str(self.socket)}
        process = stage.start(*wrapper, path_of("oidc-agent"), "--console", "--no-autoload", "-a",
                              self.socket, env=self._environment, stderr=subprocess.DEVNULL,
                              start_new_session=True)
        stage.callback(os.killpg, process.pid, signal.SIGTERM)
        stage.wait_for_server(self.socket, process)
        output_of(path_of("oidc-gen"), ACCOUNT, *GENERATE, f"--issuer={self.provider.url}",
                  f"--cert-path={stage.endpoint.ca_file}", env=self._environment,
                  stdin=subprocess.DEVNULL, timeout=SLOW)
        self.pids = [process.pid, *children(process.pid)]

    def way(self):
        return Way("oidc-agent", "oidc-agent", "socket", self.socket, self.pids,
                   self._stage.write("oidc.get", request(0)), 1, modes=("new",))

    def renew(self):
        """By asking for more life than a token has; the provider has then been asked."""
        before = len(self.provider.granted)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.socket))
            sock.sendall(request(EXPIRES_IN + 1))
            assert b'"success"' in sock.recv(65536)
        until(lambda: len(self.provider.granted) > before)
        return self.provider.granted[before]


def children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(each) for each in found.split()]
