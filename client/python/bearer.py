# SPDX-License-Identifier: MIT
"""bearer - the host's OAuth 2.0 bearer token, from bearerd. Python 3.9 on, standard library alone.

    tokens = bearer.Bearer()            # $BEARERD_SOCKET, or /run/bearerd/token.sock
    token = tokens.get()                # for every request anew: it is kept here
    ... {"Authorization": "Bearer " + token.value} ...
    token = tokens.renew(token)         # after a 401, once; then the request again

With the library requests: `session.auth = tokens.auth()`, which does both.

One Bearer serves any number of threads, and both sides of a fork. Who goes on asking follows the
token: bearerd says then when it is another one, so that nothing is asked in between. What is cached
for how long, and what each error asks for, is in docs/clients.md. Never shows a token but by its
`value`.
"""

import errno
import json
import math
import os
import re
import socket as sockets
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Dict, NoReturn, Optional, Tuple

DEFAULT_SOCKET = "/run/bearerd/token.sock"
MAX_AGE = 10.0          # how long a token that is not followed is used without asking for it again
FOLLOWED_MAX = 16       # tokens at a time: each takes a connection
FLOOR = 60              # bearerd's, where it does not say how long it serves a token
WAIT_DEFAULT, WAIT_MAX = 20.0, 60.0
ANSWER_GRACE, ANSWER_AT_ONCE = 1.0, 0.25
TIMEOUT_MAX = 86400.0
PATIENCE = 2.0          # with a bearerd that has hung up, or was there before
RETRY_FIRST, RETRY_LAST = 0.001, 0.05
ANSWER_MAX = 32768      # of a stream, too
READ_SIZE = 4096
PATH_MAX = 107
EXPIRES_IN_MAX = 315360000

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")     # RFC 6750 2.1
_PRINTABLE = re.compile(r"[ -~]*")
_EVENTS = re.compile(rb"^content-type:[ \t]*text/event-stream", re.IGNORECASE | re.MULTILINE)
_START = b"HTTP/1."
_HEAD = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2}) [^\r\n]*\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n")
# Goes on in suspend, as a token's life does.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class BearerError(Exception):
    """What can be in the way of a token. `is_passing`: try again, in `retry_after` seconds or some;
    else it wants an operator or a programmer."""

    is_passing = False
    retry_after: Optional[int] = None


class Denied(BearerError):
    """The token endpoint refuses the credentials or the scope."""


class Unavailable(BearerError):
    """There is no token yet, and the last try for one failed."""

    is_passing = True


class Timeout(BearerError):
    """There was no token within the timeout."""

    is_passing = True


class Fresh(BearerError):
    """The token was renewed just now, and is not renewed again yet: the 401 stands, look at
    permissions."""


class Busy(BearerError):
    """This user asks bearerd for too much at once."""

    is_passing = True


class Forbidden(BearerError):
    """This user may not have the token, or there is none: see allow_users, allow_groups."""


class Unknown(BearerError):
    """There is no such token."""


class Invalid(BearerError):
    """Not the name of a token, none given and no default, or not the address of a socket."""


class Protocol(BearerError):
    """Not an answer of bearerd: see $BEARERD_SOCKET, and the versions."""


class Unreachable(BearerError, OSError):
    """No connection to bearerd; `errno` says why."""

    @property
    def is_passing(self) -> bool:   # type: ignore[override]
        return self.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET)


_REFUSALS = {400: Invalid, 403: Forbidden, 404: Unknown, 429: Busy, 502: Denied, 503: Unavailable,
             504: Timeout}
_HINTS = {errno.ENOENT: "No socket: bearerd is not installed, or not started yet",
          errno.ECONNREFUSED: "Nobody listens: bearerd has stopped",
          errno.EACCES: "This user may not connect: it is not in the group \"bearer\", as a rule",
          errno.ECONNRESET: "bearerd hung up before its answer was whole, twice"}


class Token:
    """One token. `value` is the secret; no other way shows it."""

    __slots__ = ("value", "name", "generation", "expires_at", "scope", "practice_id")

    def __init__(self, value: str, name: str, generation: int, expires_at: int, scope: str,
                 practice_id: str) -> None:
        self.value = value
        self.name = name
        self.generation = generation    # rises with every new token of this name
        self.expires_at = expires_at    # Unix time
        self.scope = scope              # as granted; "": not said
        self.practice_id = practice_id  # for URLs as /v1/{practiceid}/...; "": none

    def __repr__(self) -> str:
        return f"<Token {self.name} generation {self.generation} expires_at {self.expires_at}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not to be pickled or copied: ask bearerd where it is needed")


class _HungUp(Exception):
    pass


class _Stream:
    """The events of a token (docs/protocol.md), for as long as they say that it is the one."""

    def __init__(self, sock: sockets.socket, token: Token) -> None:
        self._sock, self._token, self._pid = sock, token, os.getpid()
        self._data, self._room = b"", ANSWER_MAX
        self._is_open = self.has_told = False

    def has_news(self) -> bool:
        """One look at what has come, without waiting. Anything but that the token is there is news:
        another one, the end, or what cannot be understood."""
        try:
            part = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._data += part
        self._room -= len(part)
        return not part or self._room <= 0 or not self._is_as_known()

    def _is_as_known(self) -> bool:
        if not self._is_open:
            end = self._data.find(b"\r\n\r\n") + 4
            if end < 4:
                return True
            head = _HEAD.fullmatch(self._data, 0, end)
            if not head or head[1] != b"200" or not _EVENTS.search(head[2]):
                return False
            self._is_open, self._data = True, self._data[end:]
        *events, self._data = self._data.replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            fields = {name: value for name, _, value
                      in (line.partition(b": ") for line in event.split(b"\n"))}
            if fields.get(b"event") not in (b"token", b"gone"):
                continue    # others may come
            self.has_told, told = True, _read_json(fields.get(b"data", b""))
            if fields[b"event"] == b"gone" or told.get("name") != self._token.name \
                    or told.get("generation") != self._token.generation:
                return False
        return True

    def close(self) -> None:
        """Ends the connection, of which children may have copies; as a child, closes the copy."""
        if self._pid == os.getpid():
            try:
                self._sock.shutdown(sockets.SHUT_RDWR)
            except OSError:
                pass
        self._sock.close()

    __del__ = close


class _Kept:
    """A token in the cache."""

    def __init__(self, token: Token, max_age: float, serves: float) -> None:
        self.token = token
        self.stream: Optional[_Stream] = None
        self._young_until, self._served_until = _now() + max_age, _now() + serves

    def look(self) -> None:
        """Lets go of a stream that has news, or is of a token that is served no more."""
        if self.stream and (self.stream.has_news() or _now() >= self._served_until):
            if self.stream.has_told:
                self._young_until = 0.0
            self.unfollow()

    def is_good(self) -> bool:
        """Whether it is used without asking for it: if it is followed, or else young."""
        self.look()
        is_followed = self.stream is not None and self.stream.has_told
        return _now() < self._served_until and (is_followed or _now() < self._young_until)

    def is_asked_again(self) -> bool:
        """Whether its life goes on: who asks for it now is one who goes on asking."""
        return self._young_until <= _now() < self._served_until

    def unfollow(self) -> None:
        if self.stream:
            self.stream.close()
        self.stream = None


class _Here:
    """What one process knows: a child of a fork begins anew."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.cache: Dict[Optional[str], _Kept] = {}
        self.flights: Dict[Tuple[Optional[str], int], "Future[Token]"] = {}
        self.was_answered = False
        self.patient_until = 0.0


class _Question:
    def __init__(self, name: Optional[str], after: int, timeout: Optional[float]) -> None:
        if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise Invalid(f"{name!r} is not the name of a token ([a-z0-9][a-z0-9_-]{{0,31}})")
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout: {timeout!r} is not a number of seconds")
        wait = WAIT_DEFAULT if timeout is None else min(timeout, TIMEOUT_MAX)
        grace = ANSWER_GRACE if timeout is None else 0 if timeout else ANSWER_AT_ONCE
        self.name, self.after, self.deadline = name, after, _now() + wait + grace
        query = f"?wait={math.ceil(min(wait, WAIT_MAX))}" + (f"&after={after}" if after else "")
        self.request = _request(name, query)

    def time_left(self) -> float:
        left = self.deadline - _now()
        if left <= 0:
            raise Timeout("There was no token within the timeout")
        return left


def _now() -> float:
    return time.clock_gettime(_CLOCK)


def _request(name: Optional[str], rest: str) -> bytes:
    resource = f"/v1/tokens/{name}" if name else "/v1/token"
    return (f"GET {resource}{rest} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n").encode()


class Bearer:
    def __init__(self, socket: Optional[str] = None, max_age: float = MAX_AGE) -> None:
        """SOCKET: a path, or unix:///path. MAX_AGE: how many seconds a token that is not followed
        is used without asking for it again; 0: each get() asks, and nothing is followed."""
        self._path = _path_of(os.environ.get("BEARERD_SOCKET") or DEFAULT_SOCKET
                              if socket is None else socket)
        self._max_age = max_age
        self._follows = max_age > 0
        self._state = _Here()

    def get(self, name: Optional[str] = None, timeout: Optional[float] = None) -> Token:
        """The token NAME, or the default one. TIMEOUT in seconds: by default 20 for the token and
        1 for the answer; 0: only what there is. Raises BearerError."""
        return self._shared(_Question(name, 0, timeout))

    def renew(self, refused: Token, timeout: Optional[float] = None) -> Token:
        """A newer token than REFUSED, which an API answered with 401. Once for each 401."""
        return self._shared(_Question(refused.name, refused.generation, timeout))

    def auth(self, name: Optional[str] = None, timeout: Optional[float] = None) -> "RequestsAuth":
        """For the library requests: session.auth, or auth=. TIMEOUT is for the token, each time that
        it is waited for: requests does not tell how long a request may take."""
        return RequestsAuth(self, name, timeout)

    def close(self) -> None:
        """Follows nothing any more. What is asked for from now on is used for MAX_AGE."""
        self._follows = False
        here = self._here()
        with here.lock:
            for kept in here.cache.values():
                kept.unfollow()

    def __enter__(self) -> "Bearer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _here(self) -> _Here:
        if self._state.pid != os.getpid():
            parents, self._state = self._state, _Here()
            for kept in list(parents.cache.values()):
                kept.unfollow()     # a thread that is no more may hold it for ever
        return self._state

    def _shared(self, question: _Question) -> Token:
        """Threads that want the same at the same time share one question. Whose time is longer
        than that of the one who asked asks itself."""
        here = self._here()
        key = question.name, question.after
        while True:
            with here.lock:
                kept = here.cache.get(question.name)
                if kept and kept.token.generation > question.after and kept.is_good():
                    return kept.token
                flight = here.flights.get(key)
                if flight is None:
                    mine = here.flights[key] = Future()
            if flight is None:
                return self._fly(here, key, mine, question)
            try:
                return flight.result(question.time_left())
            except (FutureTimeout, Timeout):
                question.time_left()

    def _fly(self, here: _Here, key: Tuple[Optional[str], int], flight: "Future[Token]",
             question: _Question) -> Token:
        outcome: Any = Timeout("Whoever asked was interrupted")
        try:
            outcome, serves = self._ask(here, question)
            self._keep(here, question.name, outcome, serves)
            return outcome  # type: ignore[no-any-return]
        except BearerError as error:
            outcome = error
            raise
        finally:
            with here.lock:
                del here.flights[key]
            if isinstance(outcome, Token):
                flight.set_result(outcome)
            else:
                flight.set_exception(outcome)

    def _keep(self, here: _Here, name: Optional[str], token: Token, serves: float) -> None:
        with here.lock:
            before = here.cache.get(name)
            is_asked_again = bool(before and before.is_asked_again())
            for key, old in list(here.cache.items()):
                if old.token.name == token.name and old.token.generation < token.generation:
                    here.cache.pop(key).unfollow()
            kept = here.cache.get(name)
            if kept and kept.token.name == token.name and kept.token.generation > token.generation:
                return
            if kept:
                kept.unfollow()
            kept = here.cache[name] = _Kept(token, self._max_age, serves)
            if is_asked_again and self._follows and self._has_room(here):
                kept.stream = self._stream_of(name, token)

    @staticmethod
    def _has_room(here: _Here) -> bool:
        """What nobody asks for any more is not looked at otherwise."""
        for each in here.cache.values():
            each.look()
        return sum(each.stream is not None for each in here.cache.values()) < FOLLOWED_MAX

    def _stream_of(self, name: Optional[str], token: Token) -> Optional[_Stream]:
        """Without waiting: None where there is no room just now."""
        try:
            sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
            stream = _Stream(sock, token)
            sock.setblocking(False)
            sock.connect(self._path)
            sock.send(_request(name, "/events"))
            return stream
        except OSError:
            return None

    def _ask(self, here: _Here, question: _Question) -> Tuple[Token, float]:
        for is_last in (False, True):
            try:
                with self._connected(here, question) as sock:
                    status, headers, body = _exchange(sock, question)
                here.was_answered = True
                if status != 200:
                    raise _refusal(status, headers, body)
                return _read_token(body, question)
            except _HungUp:
                here.patient_until = _now() + PATIENCE
            if not is_last:
                time.sleep(min(RETRY_LAST, question.time_left()))   # it may not be gone yet
        raise self._unreachable(errno.ECONNRESET)

    def _connected(self, here: _Here, question: _Question) -> sockets.socket:
        delay = RETRY_FIRST
        while True:
            sock = None
            try:
                sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
                sock.settimeout(question.time_left())
                sock.connect(self._path)
                return sock
            except OSError as error:
                if sock:
                    sock.close()
                if not self._may_pass(here, error.errno):
                    raise self._unreachable(error.errno or 0) from None
            except BaseException:
                if sock:
                    sock.close()
                raise
            time.sleep(min(delay, question.time_left()))
            delay = min(2 * delay, RETRY_LAST)

    def _may_pass(self, here: _Here, error: Optional[int]) -> bool:
        """A full backlog is EAGAIN. A bearerd that was there, and is not, restarts."""
        if error == errno.EAGAIN:
            return True
        if error not in (errno.ENOENT, errno.ECONNREFUSED):
            return False
        if here.was_answered:
            here.was_answered, here.patient_until = False, _now() + PATIENCE
        return _now() < here.patient_until

    def _unreachable(self, error: int) -> Unreachable:
        return Unreachable(error, _HINTS.get(error, os.strerror(error)), self._path)


class RequestsAuth:
    """Adds the token to each request of the library requests, and handles a 401 once."""

    def __init__(self, tokens: Bearer, name: Optional[str], timeout: Optional[float]) -> None:
        self._tokens, self._name, self._timeout = tokens, name, timeout

    def __call__(self, request: Any) -> Any:
        token = self._tokens.get(self._name, self._timeout)
        body = request.body.tell() if hasattr(request.body, "seek") else None
        request.headers["Authorization"] = "Bearer " + token.value
        request.register_hook("response", lambda response, **options:
                              self._answered(response, token, body, options))
        return request

    def _answered(self, response: Any, refused: Token, body: Any, options: Any) -> Any:
        request = response.request
        # After a redirect to another host requests has taken the token away: not to be sent there.
        is_ours = request.headers.get("Authorization") == "Bearer " + refused.value
        is_sent_whole = body is not None or isinstance(request.body, (bytes, str, type(None)))
        if response.status_code != 401 or not is_ours or not is_sent_whole:
            return response
        try:
            token = self._tokens.renew(refused, self._timeout)
        except Fresh:
            return response
        response.close()
        again = request.copy()
        again.headers["Authorization"] = "Bearer " + token.value
        if body is not None:
            again.body.seek(body)
        answer = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


def _path_of(socket: str) -> str:
    path = socket[len("unix://"):] if socket.startswith("unix:///") else socket
    if not path or path.startswith("unix:") or "\0" in path:
        raise Invalid(f"{socket!r} is neither a path nor unix:///path")
    if len(os.fsencode(path)) > PATH_MAX:
        raise Invalid(f"{socket!r} is longer than {PATH_MAX} bytes, the most for a socket")
    return path


def _exchange(sock: sockets.socket, question: _Question) -> Tuple[int, Dict[str, str], bytes]:
    data = b""
    try:
        sock.settimeout(question.time_left())
        try:
            sock.sendall(question.request)
        except (BrokenPipeError, ConnectionResetError):
            pass    # an answer may be there all the same: too many connections
        while True:
            sock.settimeout(question.time_left())
            part = sock.recv(ANSWER_MAX + 1 - len(data))
            if not part:
                raise _HungUp
            data += part
            if len(data) > ANSWER_MAX:
                raise Protocol(f"An answer of more than {ANSWER_MAX} bytes is none of bearerd's")
            answer = _read_answer(data)
            if answer:
                return answer
    except sockets.timeout:
        raise Timeout("There was no answer within the timeout") from None
    except ConnectionResetError:
        raise _HungUp from None


def _read_answer(data: bytes) -> Optional[Tuple[int, Dict[str, str], bytes]]:
    """None: more must come."""
    if not data.startswith(_START[:len(data)]):
        raise Protocol("What answered does not speak HTTP/1.1")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    end += 4
    head = _HEAD.fullmatch(data, 0, end)
    if not head:
        raise Protocol("What answered does not speak HTTP/1.1 as bearerd does")
    fields = [line.split(":", 1) for line in head[2].decode("latin-1").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip() for name, value in fields}
    length = headers.get("content-length", "")
    if not re.fullmatch("[0-9]{1,5}", length) or len(headers) != len(fields):
        raise Protocol("The answer has no Content-Length, or a header twice")
    body = data[end:]
    if len(body) > int(length):
        raise Protocol("There is something behind the answer")
    return (int(head[1]), headers, body) if len(body) == int(length) else None


def _read_json(body: bytes) -> Dict[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = None
    return members if isinstance(members, dict) else {}


def _refusal(status: int, headers: Dict[str, str], body: bytes) -> BearerError:
    members = _read_json(body)
    kind = _REFUSALS.get(status, Protocol)
    if status == 429 and members.get("error") == "slow_down":
        kind = Fresh
    text = " ".join(str(kind.__doc__).split())
    said = members.get("error_description")
    if isinstance(said, str) and said and _PRINTABLE.fullmatch(said):
        text += f" ({said[:300]})"
    error = kind(text)
    if re.fullmatch("[0-9]{1,9}", headers.get("retry-after", "")):
        error.retry_after = int(headers["retry-after"])
    return error


def _read_token(body: bytes, question: _Question) -> Tuple[Token, float]:
    """The token, and for how many seconds bearerd will hand it out."""
    members = _read_json(body)

    def text(name: str, rule: "re.Pattern[str]", most: int, default: Optional[str] = None) -> str:
        value = members.get(name, default)
        if not isinstance(value, str) or len(value) > most or not rule.fullmatch(value):
            raise Protocol(f"{name} in the answer is not what bearerd sends")
        return value

    def number(name: str, least: int, most: int, default: Optional[int] = None) -> int:
        value = members.get(name, default)
        if type(value) is not int or not least <= value <= most:
            raise Protocol(f"{name} in the answer is not what bearerd sends")
        return value

    text("token_type", re.compile("bearer", re.IGNORECASE), 6)
    expires_in = number("expires_in", 0, EXPIRES_IN_MAX)
    serves = number("served_for", 0, EXPIRES_IN_MAX, max(0, expires_in - FLOOR))
    token = Token(text("access_token", _B64TOKEN, 16384), text("name", _NAME, 32),
                  number("generation", 1, 2**64 - 1), number("expires_at", 0, 2**64 - 1),
                  text("scope", _PRINTABLE, 1023, ""), text("practice_id", _PRINTABLE, 255, ""))
    if question.name not in (None, token.name) or token.generation == question.after:
        raise Protocol("The answer is another token than was asked for")
    return token, min(serves, expires_in)
