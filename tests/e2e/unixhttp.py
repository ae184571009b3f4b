# SPDX-License-Identifier: MIT
"""unixhttp - http.client over a Unix socket: what a worker in Python would use."""

import http.client
import json
import socket
from collections import namedtuple

# `body` is what the JSON says where it is JSON, and text elsewhere.
Answered = namedtuple("Answered", "status headers body")


def answered(status, headers, body):
    is_json = headers.get_content_type() == "application/json"
    return Answered(status, headers, json.loads(body) if is_json else body.decode())


class UnixHTTPConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=70):
        """TIMEOUT by default a little longer than the longest wait that can be asked for."""
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def ask(self, method, path, headers=None, body=None):
        try:
            self.request(method, path, body, headers or {})
        except BrokenPipeError:
            return self.early_answer()
        return self.answered()

    def early_answer(self):
        """What came before the request was sent: there are too many connections."""
        response = http.client.HTTPResponse(self.sock)
        response.begin()
        return answered(response.status, response.headers, response.read())

    def answered(self):
        """The answer to what was sent with request()."""
        response = self.getresponse()
        return answered(response.status, response.headers, response.read())

    def get(self, path, headers=None):
        return self.ask("GET", path, headers)
