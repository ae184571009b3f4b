# SPDX-License-Identifier: MIT
"""eventstream - who follows a token at the socket itself, and reads events as the standard has them
(WHATWG HTML, 9.2.6)."""

import json
from collections import namedtuple

from rawpeer import RawPeer

Event = namedtuple("Event", "id kind data")


class EventStream(RawPeer):
    """Asks for the events at PATH, with HEADERS; the head must say that they follow."""

    def __init__(self, path, target="/v1/tokens/athena/events", headers=None):
        super().__init__(path)
        lines = [f"GET {target} HTTP/1.1", "Host: x", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join([*lines, "", ""]).encode())
        self.head = self.read_head()

    def read_head(self):
        line = self._file.readline()
        if line != b"HTTP/1.1 200 OK\r\n":
            raise AssertionError(line + self._file.read())
        return dict(line.decode().rstrip("\r\n").split(": ", 1)
                    for line in iter(self._file.readline, b"\r\n"))

    def event(self):
        """The next one; None: there are no more."""
        fields = {"id": None, "event": "message", "data": None}
        for line in self._file:
            assert line.endswith(b"\n"), line
            if line == b"\n":
                return Event(fields["id"], fields["event"], json.loads(fields["data"]))
            name, value = line.decode().rstrip("\n").split(": ", 1)
            assert name in fields and fields[name] in (None, "message"), line
            fields[name] = value
        return None

    def has_event(self, within=0.3):
        """Whether something comes in so many seconds. Nothing is lost if it does not."""
        self.socket.settimeout(within)
        try:
            return bool(self.socket.recv(1, 2))     # MSG_PEEK
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(20)
