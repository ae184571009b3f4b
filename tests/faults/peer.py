# SPDX-License-Identifier: MIT
"""peer - a worker that says how it went: an answer, a hang-up, or nothing in time."""

import http.client
import io
import json
import select
import socket
import time
from collections import namedtuple

# STATUS None: hung up on without an answer, or not let in.
Got = namedtuple("Got", "status body")
HUNG_UP = Got(None, {})


class Silence(Exception):
    """Neither an answer nor a hang-up."""


class Peer:
    def __init__(self, path, timeout, process=None):
        """PROCESS: a pidfd of who is to answer. Once it has ended, nobody does."""
        self._timeout = timeout
        self._process = process
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._data = b""            # that has come and was not asked for yet
        try:
            self._connect(str(path))
        except TimeoutError as error:
            raise Silence("cannot connect") from error
        except OSError:
            pass                    # sending says so

    def _connect(self, path):
        """Those who came to one that has ended may be in the way of its successor, for a moment."""
        end = time.monotonic() + self._timeout
        while True:
            try:
                return self._socket.connect(path)
            except BlockingIOError:
                if time.monotonic() > end or self._process is None or (
                        select.select([self._process], [], [], 0.01)[0]):
                    raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._socket.close()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise Silence("cannot send") from error
        except OSError:
            pass                    # there may be an answer all the same

    def pass_on(self, data, fd):
        """DATA, and a copy of FD along with it."""
        try:
            socket.send_fds(self._socket, [data], [fd])
        except OSError:
            pass

    def pause(self):
        """For a moment, or until something comes: what is sent next is read by itself."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.poll(2)

    def _more(self):
        """Of what comes; False: nothing will."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if self._process is not None:
            poll.register(self._process, select.POLLIN)
        ready = dict(poll.poll(1000 * self._timeout))
        if not ready:
            raise Silence("no answer")
        if self._socket.fileno() not in ready:
            return False
        try:
            part = self._socket.recv(65536)
        except OSError:
            return False
        self._data += part
        return bool(part)

    def answer(self):
        while b"\r\n\r\n" not in self._data:
            if not self._more():
                if self._data:
                    raise AssertionError(f"half an answer: {self._data!r}")
                return HUNG_UP
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        headers = http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n"))
        length = int(headers["Content-Length"])
        while len(self._data) < length:
            if not self._more():
                raise AssertionError(f"half an answer: {head!r} {self._data!r}")
        body, self._data = self._data[:length], self._data[length:]
        is_json = headers.get_content_type() == "application/json"
        return Got(int(line.split()[1]), json.loads(body) if is_json else {"text": body.decode()})

    def ask(self, path, *headers, method="GET", body=b""):
        self.send(request(path, *headers, method=method, body=body))
        return self.answer()


def request(path, *headers, method="GET", body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "".join(line + "\r\n" for line in [*head, ""]).encode() + body
