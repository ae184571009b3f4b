# SPDX-License-Identifier: MIT
"""bearerd-fetch behind a socket, one process a connection: as systemd starts it (Accept=yes)."""

import errno
import socket
import subprocess
import threading

import pytest

from pace import FAST


class Activator:
    """Listens at PATH; serve() has PROGRAM answer, from then on."""

    def __init__(self, path, program, config):
        self.path = path
        self.started = 0
        self._command = [program, "--config", config]
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(0)
        self._fillers = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def fill(self):
        """Until nobody can connect any more."""
        while True:
            filler = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self._fillers.append(filler)
            if filler.connect_ex(str(self.path)) == errno.EAGAIN:
                return

    def drain(self):
        for filler in self._fillers:
            filler.close()

    def serve(self):
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.started += 1
                subprocess.run(self._command, stdin=connection, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=False)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.ident:
            self._thread.join()
        self.drain()


@pytest.fixture
def activated(programs, broker):
    """A bearerd, not started yet, and what its bearerd-fetch comes from."""
    bearerd = broker(start=False, **FAST)
    path = bearerd.directory / "fetch.sock"
    bearerd.arguments[-1] = f"unix:{path}"
    activator = Activator(path, programs.fetch, bearerd.config_file)
    yield bearerd, activator
    activator.close()


def test_token_comes_by_way_of_the_socket(activated, endpoint):
    bearerd, activator = activated
    activator.serve()
    bearerd.start()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    assert (activator.started, bearerd.fetchers()) == (1, [])


def test_full_backlog_is_a_passing_failure(activated, endpoint):
    bearerd, activator = activated
    activator.fill()
    bearerd.start()
    bearerd.wait_for_log(r"no token this time \(cannot start unix:.*temporarily unavailable\)")
    activator.drain()
    activator.serve()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    assert len(endpoint.token_requests) == 1


def test_missing_socket_is_told_as_trouble_of_our_own(activated, endpoint):
    bearerd, activator = activated
    activator.path.unlink()
    bearerd.start()
    bearerd.wait_for_log(r"nothing was sent: cannot start unix:.*No such file or directory")
    assert endpoint.token_requests == []
