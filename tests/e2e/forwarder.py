# SPDX-License-Identifier: MIT
"""forwarder - an HTTP proxy on 127.0.0.1 for CONNECT (RFC 9110 9.3.6) that wants to be told who asks."""

import base64
import contextlib
import socket
import threading


class Forwarder:
    def __init__(self, user, password):
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.heads = []     # of all requests
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(10)
                self._serve(client)

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        lines = head.decode().split("\r\n")
        self.heads.append(lines)
        if f"Proxy-Authorization: {self.authorization}" not in lines:
            client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"test\"\r\n"
                           b"Content-Length: 0\r\n\r\n")
            return
        host, port = lines[0].split(" ")[1].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as server:
            client.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
            back = threading.Thread(target=pass_on, args=[server, client])
            back.start()
            pass_on(client, server)
            back.join()


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
