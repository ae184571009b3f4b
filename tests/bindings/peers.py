# SPDX-License-Identifier: MIT
"""peers - what may be at the other end of the socket and is no bearerd, or a bad one."""

import json
import socket
import threading
import time

TOKEN = {"access_token": "abc.def-123", "token_type": "Bearer", "expires_in": 3600,
         "expires_at": 1790000000, "name": "athena", "generation": 7}
DRIP_INTERVAL = 0.02


def answer(status=200, body=None, *headers, length=None):
    """The bytes of an answer."""
    body = json.dumps(TOKEN if body is None else body) if not isinstance(body, str) else body
    length = len(body) if length is None else length
    head = [f"HTTP/1.1 {status} -", f"Content-Length: {length}", *headers]
    return ("".join(line + "\r\n" for line in [*head, ""]) + body).encode()


def token(**changes):
    """An answer with a token. A member that is None is left out."""
    members = TOKEN | changes
    return answer(200, {name: value for name, value in members.items() if value is not None})


STREAM = (b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: text/event-stream\r\n"
          b"Connection: close\r\n\r\n")


def event(kind="token", data=None, **changes):
    """An event of the token above."""
    data = json.dumps({"name": TOKEN["name"], "generation": TOKEN["generation"]} | changes) \
        if data is None else data
    return f"id: {TOKEN['generation']}\nevent: {kind}\ndata: {data}\n\n".encode()


class Peer:
    """Serves each connection by SERVE(peer, connection), in a thread of its own. `requests` are the
    first lines that came; LISTEN false: nobody accepts until accept()."""

    def __init__(self, path, serve, listen=128):
        self.path = path
        self.requests = []
        self._serve = serve
        self._over = threading.Event()
        self._connections = []
        self._threads = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(listen)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._over.set()
        # A shutdown wakes accept(2) up, and the threads that read or send.
        for each in [self._listener, *self._connections]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        for each in [self._listener, *self._connections]:
            each.close()

    def accept(self):
        self._begin(self._accept)
        return self

    def accept_one(self):
        """The connection, for the test to serve."""
        self._connections.append(self._listener.accept()[0])
        return self._connections[-1]

    def fill_backlog(self):
        """Until the next one who connects would have to wait."""
        while True:
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self._connections.append(one)
            try:
                one.connect(str(self.path))
            except BlockingIOError:
                return

    def wait(self, seconds):
        """False once it is over."""
        return not self._over.wait(seconds)

    def _begin(self, do, *arguments):
        thread = threading.Thread(target=do, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._begin(self._serve_one, connection)

    def _serve_one(self, connection):
        try:
            self._serve(self, connection)
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass    # the client has left

    def read_request(self, connection):
        """Its first line."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(4096)
            if not part:
                raise ConnectionResetError
            data += part
        self.requests.append(data.split(b"\r\n")[0].decode())
        return self.requests[-1]

    @property
    def streams(self):
        """The requests for events."""
        return [each for each in self.requests if "/events" in each]

    @property
    def questions(self):
        """The requests for a token."""
        return [each for each in self.requests if "/events" not in each]


# What a peer does with a connection.

def sends(data):
    def serve(peer, connection):
        peer.read_request(connection)
        connection.sendall(data)
    return serve


def sends_in_turn(*answers):
    """The last one again and again."""
    def serve(peer, connection):
        peer.read_request(connection)
        connection.sendall(answers[min(len(peer.requests), len(answers)) - 1])
    return serve


def tells(stream, *answers):
    """STREAM(peer, connection) to who asks for events, to others one of ANSWERS after the other and then
    the last one again and again."""
    def serve(peer, connection):
        if "/events" in peer.read_request(connection):
            stream(peer, connection)
        else:
            connection.sendall(answers[min(len(peer.questions), len(answers)) - 1])
    return serve


def sends_unasked(data):
    def serve(_, connection):
        connection.sendall(data)
    return serve


def drips(data):
    """A byte now and then, and on and on."""
    def serve(peer, connection):
        peer.read_request(connection)
        connection.sendall(data)
        while peer.wait(DRIP_INTERVAL):
            connection.sendall(b"x")
    return serve


def floods(data, part):
    def serve(peer, connection):
        peer.read_request(connection)
        connection.sendall(data)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            connection.sendall(part)
    return serve


def stays(peer, _):
    while peer.wait(1):
        pass


def is_silent(peer, connection):
    peer.read_request(connection)
    stays(peer, connection)


def waits_to_be_left(left):
    """LEFT is set then."""
    def serve(peer, connection):
        peer.read_request(connection)
        if connection.recv(1) == b"":
            left.set()
    return serve


def hangs_up(peer, connection):
    peer.read_request(connection)
