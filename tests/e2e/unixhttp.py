# SPDX-License-Identifier: MIT
"""unixhttp - http.client over a Unix socket: what a worker in Python would use."""

import http.client
import json
import socket
from collections import namedtuple

# `body` is what the JSON says where it is JSON, and text elsewhere.
Answered = namedtuple("Answered", "status headers body")


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
        self.request(method, path, body, headers or {})
        return self.answered()

    def answered(self):
        """The answer to what was sent with request()."""
        response = self.getresponse()
        text = response.read().decode()
        is_json = response.headers.get_content_type() == "application/json"
        return Answered(response.status, response.headers, json.loads(text) if is_json else text)

    def get(self, path, headers=None):
        return self.ask("GET", path, headers)
