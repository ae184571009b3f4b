# SPDX-License-Identifier: MIT
"""Each binding with what is no bearerd, or a bad one: an error that says so, in time, and never more
than two connections for it."""

import json
import os
import socket
import threading
import time

import peers
import pytest
from account import NOBODY, needs_root
from languages import CONCURRENT, ZERO, good
from pace import until
from peers import TOKEN, answer, sends, sends_in_turn, token

TOO_MUCH = 40000
# Root is stopped by modes, too.
WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
SOON = 5            # seconds, where nothing is waited for


NO_BEARERD = {
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a line without an end": b"x" * 100,
    "binary": bytes(range(256)) * 4,
    "no body": answer(200, ""),
    "no JSON": answer(200, "{"),
    "no object": answer(200, "[]"),
    "null": answer(200, "null"),
    "deep": answer(200, "[" * 20000),
    "an unknown status": answer(418, "{}"),
    "a redirect": answer(302, "{}", "Location: http://localhost/v1/token"),
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(TOKEN).encode(),
    "too long a body": answer(200, json.dumps(TOKEN | {"x": "x" * TOO_MUCH})),
    "too long a head": answer(200, None, *[f"X-{i}: " + "x" * 1000 for i in range(40)]),
    "too long a header": answer(200, None, "X: " + "x" * TOO_MUCH),
    "another token": token(name="other"),
    "no name": token(name=None),
    "a bad name": token(name="A"),
    "no token": token(access_token=None),
    "an empty token": token(access_token=""),
    "a header in the token": token(access_token="abc\r\nX-Evil: 1"),
    "a token of more than 16 KiB": token(access_token="x" * 16385),
    "a token of a number": token(access_token=5),
    "another type": token(token_type="mac"),
    "no generation": token(generation=None),
    "generation 0": token(generation=0),
    "a generation of text": token(generation="7"),
    "a broken generation": token(generation=7.5),
    "no expiry": token(expires_in=None),
    "a negative expiry": token(expires_in=-1),
    "an endless expiry": token(expires_in=10**10),
    "an expiry of text": token(expires_in="3600"),
    "no date": token(expires_at=None),
    "a scope with a newline": token(scope="a\nb"),
    "a practice with a slash and a newline": token(practice_id="1\n/2"),
    "a served_for of text": token(served_for="9"),
}


@pytest.mark.parametrize("what", NO_BEARERD)
def test_what_is_no_answer_of_bearerd(peer, driver, what):
    at = peer(sends(NO_BEARERD[what]))
    result, seconds = driver(at.path).timed("get", name="athena", timeout=20)
    assert (result.get("error"), result["passing"]) == ("Protocol", False), result
    assert len(at.requests) == 1 and seconds < SOON


REFUSALS = [
    (400, "invalid_request", "Invalid", False), (403, "access_denied", "Forbidden", False),
    (404, "unknown_token", "Unknown", False), (404, "not_found", "Unknown", False),
    (429, "slow_down", "Fresh", False), (429, "too_many_requests", "Busy", True),
    (429, None, "Busy", True), (502, "upstream_denied", "Denied", False),
    (503, "temporarily_unavailable", "Unavailable", True), (504, "timeout", "Timeout", True),
    (500, "server_error", "Protocol", False),
]


@pytest.mark.parametrize("status, error, kind, passing", REFUSALS)
def test_what_each_status_means(peer, driver, status, error, kind, passing):
    body = {"error": error, "error_description": "this is why"} if error else "nothing"
    at = peer(sends(answer(status, body, "Retry-After: 7")))
    result = driver(at.path)("get", timeout=20)
    assert (result["error"], result["passing"], result["retry_after"]) == (kind, passing, 7)
    assert ("this is why" in result["text"]) == bool(error)
    assert len(at.requests) == 1


@pytest.mark.parametrize("said", ["a\nforged line", "\x1b[2J", "ä" * 10, 5, None, ["x"]])
def test_what_a_peer_says_is_shown_if_it_is_harmless(peer, driver, said):
    at = peer(sends(answer(403, {"error": "access_denied", "error_description": said})))
    result = driver(at.path)("get", timeout=20)
    assert result["error"] == "Forbidden"
    assert "\n" not in result["text"] and "forged" not in result["text"]
    assert "\x1b" not in result["text"] and "ä" not in result["text"]


def test_an_answer_that_comes_unasked(peer, driver):
    """Before the request, or after it, as it happens."""
    at = peer(peers.sends_unasked(answer(429, {"error": "too_many_requests"})))
    one = driver(at.path)
    assert {one.error(timeout=20) for _ in range(300)} == {"Busy"}


def test_the_request(peer, driver):
    at = peer(sends_in_turn(token(), token(generation=8)))
    one = driver(at.path, max_age=0)
    good(one("get", timeout=1.2))
    one("renew", timeout=90)
    one("get", name="athena", timeout=5)
    assert at.requests == ["GET /v1/token?wait=2 HTTP/1.1",
                           "GET /v1/tokens/athena?wait=60&after=7 HTTP/1.1",
                           "GET /v1/tokens/athena?wait=5 HTTP/1.1"]


def test_by_default_20_seconds_are_waited(peer, driver):
    at = peer(sends(token()))
    one = driver(at.path)
    good(one("get"))
    assert at.requests == ["GET /v1/token?wait=20 HTTP/1.1"]


def test_a_renewal_that_brings_the_same_token(peer, driver):
    at = peer(sends(token()))
    one = driver(at.path)
    good(one("get", timeout=20))
    assert one.error("renew", timeout=20) == "Protocol"


# How long a token is cached.

@pytest.mark.parametrize("members, is_cached", [
    ({"expires_in": 3600}, True), ({"expires_in": 62}, True), ({"expires_in": 60}, False),
    ({"expires_in": 0}, False), ({"expires_in": 3600, "served_for": 0}, False),
    ({"expires_in": 30, "served_for": 27}, True), ({"expires_in": 0, "served_for": 27}, False)])
def test_it_is_cached_for_as_long_as_it_is_served(peer, driver, members, is_cached):
    at = peer(sends(token(**members)))
    one = driver(at.path)
    for _ in range(3):
        good(one("get", timeout=20))
    assert len(at.requests) == (1 if is_cached else 3)


@pytest.mark.parametrize("members, max_age", [({"served_for": 1}, None), ({"expires_in": 61}, None),
                                              ({}, 1)])
def test_the_cache_ends(peer, driver, members, max_age):
    at = peer(sends(token(**members)))
    one = driver(at.path, max_age=max_age)
    good(one("get", timeout=20))
    time.sleep(1)
    good(one("get", timeout=20))
    assert len(at.questions) == 2


def test_an_error_is_not_cached(peer, driver):
    at = peer(sends_in_turn(answer(503, {"error": "temporarily_unavailable"}), token()))
    one = driver(at.path)
    assert one.error(timeout=20) == "Unavailable"
    good(one("get", timeout=20))
    assert len(at.requests) == 2


def test_default_token_that_was_renewed_by_its_name_is_asked_for_anew(peer, driver):
    at = peer(sends_in_turn(token(), token(generation=8)))
    one = driver(at.path)
    good(one("get", timeout=20))
    good(one("renew", timeout=20))
    assert good(one("get", timeout=20))["generation"] == 8


# Time.

SLOW = {
    "silence": peers.is_silent,
    "head that drips": peers.drips(b"HTTP/1.1 200 OK\r\nX: "),
    "body that drips": peers.drips(answer(200, "x", length=30000)),
}


@pytest.mark.parametrize("what", SLOW)
def test_timeout_is_kept(peer, driver, what):
    at = peer(SLOW[what])
    result, seconds = driver(at.path).timed("get", timeout=0.7)
    assert (result["error"], result["passing"]) == ("Timeout", True)
    assert 0.6 < seconds < SOON and len(at.requests) == 1


def test_a_timeout_ends_the_connection(peer, driver):
    left = threading.Event()
    at = peer(peers.waits_to_be_left(left))
    assert driver(at.path).error(timeout=0.5) == "Timeout"
    assert left.wait(SOON)


@pytest.mark.parametrize("language", ["node"])
def test_a_question_ends_when_nobody_waits_for_it(peer, driver):
    left = threading.Event()
    leave = peers.waits_to_be_left(left)

    def serve(at, connection):
        if not at.requests:
            leave(at, connection)
        at.read_request(connection)
        time.sleep(0.5)
        connection.sendall(token())

    at = peer(serve)
    canceled, *others = driver(at.path)("canceled_alone", after=0.2)
    assert canceled["error"] == "AbortError" and left.wait(SOON)
    assert [good(each)["generation"] for each in others] == [7, 7] and len(at.requests) == 2


@pytest.mark.parametrize("language", ["node"])
def test_who_gives_up_was_not_hung_up_on(peer, driver):
    """A bearerd that hangs up is waited for."""
    at = peer(peers.is_silent)
    one = driver(at.path)
    one.begin("canceled_alone", after=1)
    until(lambda: at.requests)
    at.path.unlink()
    start = time.monotonic()
    canceled, *others = one.answer()
    assert time.monotonic() - start < 2.5
    assert [each["error"] for each in (canceled, *others)] == ["AbortError", *["Unreachable"] * 2]


@pytest.mark.parametrize("language", ZERO)
def test_without_a_wait_there_is_a_moment_for_the_answer(peer, driver):
    at = peer(peers.is_silent)
    result, seconds = driver(at.path).timed("get", timeout=0)
    assert result["error"] == "Timeout" and 0.2 < seconds < SOON
    assert at.requests == ["GET /v1/token?wait=0 HTTP/1.1"]


FLOODS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: yyyyyyyyyyyyyy\r\n" * 100),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096),
    "body with a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x" * 4096),
}


@pytest.mark.parametrize("what", FLOODS)
def test_an_endless_answer_is_not_read_to_its_end(peer, driver, what):
    at = peer(peers.floods(*FLOODS[what]))
    result, seconds = driver(at.path).timed("get", timeout=20)
    assert result["error"] == "Protocol", result
    assert seconds < SOON and len(at.requests) == 1


# Hang-ups.

def test_who_hangs_up_is_asked_once_more(peer, driver):
    at = peer(peers.hangs_up)
    result, seconds = driver(at.path).timed("get", timeout=20)
    assert (result["error"], result["errno"], result["passing"]) == ("Unreachable", 104, True)
    assert len(at.requests) == 2 and seconds < SOON


@pytest.mark.parametrize("broken", [b"", b"HT", b"HTTP/1.1 200 OK\r\nContent-Le", token()[:-5]])
def test_an_answer_that_breaks_off_is_asked_for_again(peer, driver, broken):
    at = peer(sends_in_turn(broken, token()))
    assert good(driver(at.path)("get", timeout=20))["value"] == TOKEN["access_token"]
    assert len(at.requests) == 2


def test_a_full_backlog_is_waited_for(peer, driver):
    at = peer(sends(token()), accept=False, listen=0)
    at.fill_backlog()
    one = driver(at.path)
    one.begin("get", timeout=20)
    time.sleep(0.5)
    at.accept()
    assert good(one.answer())["generation"] == 7


def test_a_full_backlog_is_not_waited_for_past_the_timeout(peer, driver):
    at = peer(sends(token()), accept=False, listen=0)
    at.fill_backlog()
    result, seconds = driver(at.path).timed("get", timeout=0.7)
    assert result["error"] == "Timeout" and 0.6 < seconds < SOON


# What is no socket of bearerd's.

def test_a_file(tmp_path, driver):
    (tmp_path / "file").touch()
    result = driver(tmp_path / "file")("get", timeout=20)
    assert (result["error"], result["errno"]) == ("Unreachable", 111)


@needs_root
def test_a_socket_that_is_somebody_elses(peer, driver):
    at = peer(sends(token()))
    at.path.chmod(0o600)
    os.chown(at.path, NOBODY.pw_uid, NOBODY.pw_gid)
    result = driver(at.path, wrapper=WITHOUT_OVERRIDE)("get", timeout=20)
    assert (result["error"], result["errno"], result["passing"]) == ("Unreachable", 13, False)
    assert '"bearer"' in result["text"]


def test_a_path_below_a_file(tmp_path, driver):
    (tmp_path / "file").touch()
    result = driver(tmp_path / "file/sock")("get", timeout=20)
    assert (result["error"], result["errno"], result["passing"]) == ("Unreachable", 20, False)


@pytest.mark.parametrize("language", CONCURRENT)
def test_an_error_is_shared_as_well(peer, driver):
    def refuses_late(at, connection):
        at.read_request(connection)
        time.sleep(0.5)
        connection.sendall(answer(502, {"error": "upstream_denied"}))

    at = peer(refuses_late)
    assert {each["error"] for each in driver(at.path)("together", n=20, timeout=20)} == {"Denied"}
    assert len(at.requests) == 1


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_no_proxy_is_asked(peer, driver, variable):
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        at = peer(sends(token()))
        good(driver(at.path, environment={variable: address})("get", timeout=20))
    assert len(at.requests) == 1
