# SPDX-License-Identifier: MIT
"""rawpeer - a client that sends what it is told to, byte for byte, and reads when it is told to."""

import http.client
import socket

from unixhttp import answered


def request(path, *headers, method="GET", version="1.1", body=b""):
    """The bytes of a request. Nothing is in it that is not asked for."""
    head = [f"{method} {path} HTTP/{version}", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "".join(line + "\r\n" for line in [*head, ""]).encode() + body


class RawPeer:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def answer(self):
        """The next one."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = http.client.parse_headers(self._file)
        return answered(int(line.split()[1]), headers,
                        self._file.read(int(headers["Content-Length"])))

    def rest(self):
        """All that still comes, until the end."""
        return self._file.read()

    def is_closed(self):
        """Waits for whatever comes; whether that is the end."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True
