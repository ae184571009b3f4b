# SPDX-License-Identifier: MIT
"""Each binding that would follow its token, with a peer whose events are none, or bad ones: no call fails
or waits for it, and what is read of it has an end."""

import socket
import threading
import time

import peers
import pytest
from languages import good
from pace import until
from peers import STREAM, answer, event, tells, token

AGE = 0.15          # the max_age of these tests
PACE = 0.005
SOON = 5            # seconds that a call may take at most, on a busy machine
READ_MAX = 1 << 20  # what a peer gets rid of: 32 KiB, and what the kernel takes
REFUSED = {"error": "too_many_requests"}


def ask(one):
    """Which must not take long; the time that it is then."""
    result, took = one.timed("get", timeout=20)
    assert good(result)["generation"] == 7 and took < SOON
    time.sleep(PACE)
    return time.monotonic()


def sends(*parts):
    """And then goes on."""
    def stream(peer, connection):
        for part in parts:
            connection.sendall(part)
        peers.stays(peer, connection)
    return stream


def ends_after(data):
    return lambda _, connection: connection.sendall(data)


NO_STREAM = {
    "nothing": sends(),
    "the end": ends_after(b""),
    "a refusal": ends_after(answer(429, REFUSED)),
    "an older bearerd": ends_after(answer(404, {"error": "not_found"})),
    "a token": sends(token()),
    "another type": sends(STREAM.replace(b"event-stream", b"html") + event()),
    "no head": sends(event()),
    "garbage": sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n" + event()),
    "half a head": sends(STREAM[:-2]),
    "no event": sends(STREAM),
    "half an event": sends(STREAM + event()[:-1]),
    "an event that is not known": sends(STREAM + event("news")),
    "a comment": sends(STREAM + b": " + event().replace(b"\n", b" ") + b"\n\n"),
}


@pytest.mark.parametrize("what", NO_STREAM)
def test_what_is_no_stream_leaves_the_rule_of_age(peer, driver, what):
    at = peer(tells(NO_STREAM[what], token()))
    one = driver(at.path, max_age=AGE)
    start = time.monotonic()
    until(lambda: ask(one) and len(at.questions) == 4)
    assert time.monotonic() - start >= 3 * AGE
    # It is not tried again sooner than with the next question.
    assert 2 <= len(at.streams) <= 3


NEWS_AT_ONCE = {
    "another generation": event(generation=8),
    "an older generation": event(generation=6),
    "another token": event(name="other"),
    "gone": event("gone"),
    "no generation": event(generation=None),
    "a generation of text": event(generation="7"),
    "a huge generation": event(generation=int("9" * 4000)),
    "no JSON": event(data="{"),
    "no object": event(data="[7]"),
    "text": event(data='"athena"'),
    "deep": event(data="[" * 20000),
    "no data": b"event: token\n\n",
}


@pytest.mark.parametrize("what", [*NEWS_AT_ONCE, "the end"])
def test_what_tells_of_another_token_has_it_asked_for(peer, driver, what):
    """Each time, however young the answer is, for as long as the two do not agree."""
    news = (ends_after(STREAM + event()) if what == "the end"
            else sends(STREAM + NEWS_AT_ONCE[what]))
    at = peer(tells(news, token()))
    one = driver(at.path, max_age=AGE)
    start = time.monotonic()
    until(lambda: ask(one) > start + AGE)
    before, start = len(at.questions), time.monotonic()
    until(lambda: ask(one) and len(at.questions) >= before + 20)
    assert time.monotonic() - start < 20 * AGE
    assert len(at.streams) < len(at.questions)


FOLLOWED = {
    "as bearerd has it": sends(STREAM + event()),
    "in pieces": sends(*[bytes([each]) for each in STREAM + event()]),
    "with CR LF": sends(STREAM + event().replace(b"\n", b"\r\n")),
    "told again": sends(STREAM + event(), event(), event()),
    "a huge id": sends(STREAM + event().replace(b"id: 7", b"id: " + b"9" * 20000)),
    "more members": sends(STREAM + event(expires_in=5, x=[{}])),
    "more events": sends(STREAM + event("news"), event(), b": comment\n\n", event("news", data="{")),
    "more headers": sends(STREAM[:-2] + b"X: y\r\n\r\n" + event()),
}


def follow(at, one):
    """Until ONE asks no more."""
    def asks_nothing():
        before, start = len(at.questions), time.monotonic()
        until(lambda: ask(one) > start + 2 * AGE)
        return len(at.questions) == before

    ask(one)
    time.sleep(AGE)
    until(asks_nothing)
    assert len(at.streams) <= len(at.questions) - 1


@pytest.mark.parametrize("what", FOLLOWED)
def test_what_is_followed(peer, driver, what):
    at = peer(tells(FOLLOWED[what], token()))
    follow(at, driver(at.path, max_age=AGE))


LAST_WORDS = {
    "the end": b"",
    "half an event": event()[:-1],
    "another generation": event(generation=8),
    "gone": event("gone"),
}
ENDLESS = {
    "garbage without an end": b"x" * 40000,
    "events without an end": event("news") * 1000,
    "known ones without an end": event() * 1000,
    "comments without an end": b": x\n\n" * 10000,
    "a line without an end": b"data: " + b"x" * 40000,
}


@pytest.mark.parametrize("what", LAST_WORDS | ENDLESS)
def test_news_of_what_is_followed(peer, driver, what):
    is_news, is_over = threading.Event(), threading.Event()

    def stream(at, connection):
        connection.sendall(STREAM + event())
        while at.wait(PACE) and not is_news.is_set():
            pass
        try:
            connection.sendall((LAST_WORDS | ENDLESS)[what])
            if what in ENDLESS:
                connection.recv(1)
        except OSError:
            pass
        is_over.set()

    at = peer(tells(stream, token()))
    one = driver(at.path, max_age=AGE)
    follow(at, one)
    before = len(at.questions)
    is_news.set()
    until(lambda: ask(one) and len(at.questions) > before)
    assert is_over.wait(SOON)


FLOODS = {
    "headers": (STREAM[:-2], b"X: yyyyyyyyyyyyyy\r\n" * 100),
    "one header": (STREAM[:-2] + b"X: ", b"x" * 4096),
    "garbage": (b"", b"x" * 4096),
    "one line": (STREAM + b"data: ", b"x" * 4096),
    "lines": (STREAM, b"data: x\n" * 500),
    "comments": (STREAM, b": x\n\n" * 500),
    "other events": (STREAM + event(), event("news") * 40),
    "the same event": (STREAM, event() * 40),
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_stream_without_an_end_is_not_read_to_it(peer, driver, what):
    head, part = FLOODS[what]
    sizes = []

    def floods(at, connection):
        sizes.append(0)
        i = len(sizes) - 1
        connection.sendall(head)
        while at.wait(0):
            sizes[i] += connection.send(part)

    at = peer(tells(floods, token()))
    one = driver(at.path, max_age=AGE)
    until(lambda: ask(one) and len(at.questions) == 4)  # it is given up, and asked for
    assert 1 <= len(sizes) <= 3 and max(sizes) < READ_MAX


def test_a_full_backlog_is_not_waited_for_to_follow(peer, driver):
    at = peer(None, accept=False, listen=0)
    one = driver(at.path, max_age=AGE)
    for fills in (lambda: None, at.fill_backlog):
        time.sleep(AGE)
        one.begin("get", timeout=20)
        connection = at.accept_one()
        at.read_request(connection)
        fills()
        start = time.monotonic()
        connection.sendall(token())
        connection.shutdown(socket.SHUT_RDWR)
        assert good(one.answer())["generation"] == 7
        assert time.monotonic() - start < SOON
    assert good(one("get", timeout=20))["generation"] == 7


@pytest.mark.parametrize("language", ["go"])
def test_what_is_not_asked_for_any_more_is_not_followed_for_ever(peer, driver):
    """No longer than the token is served."""
    left = threading.Event()

    def stream(_, connection):
        connection.sendall(STREAM + event())
        if connection.recv(1) == b"":
            left.set()

    at = peer(tells(stream, token(served_for=2)))
    one = driver(at.path, max_age=AGE)
    ask(one)
    time.sleep(AGE)
    ask(one)
    assert left.wait(2 + SOON)
