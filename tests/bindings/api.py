# SPDX-License-Identifier: MIT
"""api - an API that takes any request with a token, and answers 401 to the tokens that it refuses."""

import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Call = namedtuple("Call", "method path token body")


class Api:
    """In the clear, on a port of its own. `calls` are what came; REFUSES(token) says what gets 401.
    GET /to?URL redirects there."""

    def __init__(self, refuses=lambda token: token is None):
        self.calls = []
        self.refuses = refuses
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"api": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def tokens(self):
        return [call.token for call in self.calls]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *arguments):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        token = token if kind == "Bearer" else None
        self.api.calls.append(Call(self.command, self.path, token, self.body().decode()))
        path, _, where = self.path.partition("?")
        status = 307 if path == "/to" else 401 if self.api.refuses(token) else 200
        self.send_response(status)
        if status == 307:
            self.send_header("Location", where)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"text")

    do_GET = do_POST = answer
