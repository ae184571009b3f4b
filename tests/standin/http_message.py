# SPDX-License-Identifier: MIT
"""http_message - reading one HTTP/1.1 request strictly, and writing one answer, whatever it is.

Headers stay a list of pairs, in the order and case in which they came: tests look at them.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus

HEAD_MAX = 65536
BODY_MAX = 1 << 20

FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(|[!-~](?:[ -~\t]*[!-~])?)[ \t]*")
TARGET = re.compile(r"/[!-~]*")
NUMBER = re.compile(r"[0-9]{1,9}")


class Malformed(Exception):
    """What came is no request. `came` has its bytes."""

    def __init__(self, why, came):
        super().__init__(why)
        self.came = came


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list
    body: bytes = b""
    certificate: bytes = None   # that the client has shown, in DER

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name):
        """The value of the header that is there once; None if it is not there, or twice."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    raw: bytes = None

    @classmethod
    def json(cls, status, text):
        return cls(status, text.encode(errors="surrogateescape"),
                   {"Content-Type": "application/json"})

    def put(self, name, value):
        """Replaces a header, in any case; None: takes it away."""
        self.headers = {key: old for key, old in self.headers.items()
                        if key.lower() != name.lower()}
        if value is not None:
            self.headers[name] = str(value)

    def head(self):
        reason = next((each.phrase for each in HTTPStatus if each == self.status), "Unknown")
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "".join(line + "\r\n" for line in lines).encode(errors="surrogateescape")

    def render(self):
        return self.raw if self.raw is not None else self.head() + b"\r\n" + self.body


def read_request(receive):
    """RECEIVE(n) gives at most n bytes, none at the end. None: it ended before the first byte."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = receive(HEAD_MAX)
        if not more and not came:
            return None
        if not more:
            raise Malformed("it ends within its head", came)
        came += more
        if len(came) > HEAD_MAX:
            raise Malformed("its head is too long", came)
    head, _, body = came.partition(b"\r\n\r\n")
    request = parse_head(head, came)
    length = content_length(request, came)
    while len(body) < length:
        more = receive(length - len(body))
        if not more:
            raise Malformed("it ends within its body", came)
        body += more
        came += more
    if len(body) > length:
        raise Malformed("there is more behind its body", came)
    request.body = body
    return request


def parse_head(head, came):
    try:
        line, *lines = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        raise Malformed("its head is not ASCII", came) from None
    words = line.split(" ")
    if len(words) != 3 or not TARGET.fullmatch(words[1]):
        raise Malformed("its request line", came)
    fields = [FIELD.fullmatch(each) for each in lines]
    if None in fields:
        raise Malformed("a header line: " + lines[fields.index(None)], came)
    return Request(*words, [list(each.groups()) for each in fields])


def content_length(request, came):
    if request.all("Transfer-Encoding"):
        raise Malformed("it has a Transfer-Encoding", came)
    values = request.all("Content-Length")
    if not values:
        return 0
    if len(values) > 1 or not NUMBER.fullmatch(values[0]) or int(values[0]) > BODY_MAX:
        raise Malformed("its Content-Length", came)
    return int(values[0])
