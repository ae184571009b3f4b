# SPDX-License-Identifier: MIT
"""The stream of a token's events, at the socket itself."""

import os
import socket
import time

import account
import operators
import pytest
from account import NOBODY, needs_root
from eventstream import EventStream
from pace import FAST, SPACING, until
from rawpeer import RawPeer, request


def follow(bearerd, target="/v1/tokens/athena/events", headers=None):
    return EventStream(bearerd.socket, target, headers)


def renew(bearerd):
    """A new token; its generation."""
    before = bearerd.shown()["generation"]
    time.sleep(SPACING)
    bearerd.reload()
    return until(lambda: bearerd.shown()["generation"] > before and bearerd.shown()["generation"])


def assert_tells(stream, bearerd, generation):
    event = stream.event()
    assert (event.id, event.kind) == (str(generation), "token")
    assert sorted(event.data) == ["expires_at", "expires_in", "generation", "name"]
    assert (event.data["name"], event.data["generation"]) == ("athena", generation)
    assert 3500 < event.data["expires_in"] <= 3600
    assert abs(event.data["expires_at"] - time.time() - event.data["expires_in"]) < 10


def refused(bearerd, target, headers=b""):
    with RawPeer(bearerd.socket) as peer:
        peer.send(b"GET " + target.encode() + b" HTTP/1.1\r\n" + headers + b"\r\n")
        answered = peer.answer()
    return answered.status, answered.body["error"]


# What is told.

def test_present_token_is_told_and_then_each_new_one(broker, endpoint):
    bearerd = broker(**FAST)
    generation = bearerd.get("/v1/token").body["generation"]
    with follow(bearerd) as one, follow(bearerd, "/v1/token/events") as other:
        assert one.head == {"Cache-Control": "no-store", "Content-Type": "text/event-stream",
                            "Connection": "close"}
        for _ in range(3):
            assert_tells(one, bearerd, generation)
            assert_tells(other, bearerd, generation)
            assert not one.has_event()
            generation = renew(bearerd)
            assert bearerd.get("/v1/token").body["generation"] == generation
    assert len(endpoint.tokens) == 4


def test_first_token_is_told_when_it_comes(broker, endpoint):
    endpoint.behave(500)
    bearerd = broker(**FAST)
    with follow(bearerd) as stream:
        assert not stream.has_event()
        endpoint.normal()
        event = stream.event()
        assert event.id == str(bearerd.get("/v1/token").body["generation"])


@pytest.mark.parametrize("by_header", [False, True])
def test_who_comes_back_is_told_what_it_does_not_know(broker, by_header):
    bearerd = broker(**FAST)
    known = bearerd.get("/v1/token").body["generation"]

    def come_back(generation):
        if by_header:   # an EventSource comes back with its first URL
            return follow(bearerd, "/v1/token/events?after=1", {"Last-Event-ID": generation})
        return follow(bearerd, f"/v1/token/events?after={generation}")

    with come_back(known) as stream:
        assert not stream.has_event()
        newer = renew(bearerd)
        assert_tells(stream, bearerd, newer)
    for stale in (known, newer + 1):    # before a start that remembers nothing, on another host
        with come_back(stale) as stream:
            assert_tells(stream, bearerd, newer)


def test_token_that_is_gone_is_told(broker, endpoint):
    endpoint.behave(500)
    endpoint.next(expires_in=3)
    bearerd = broker(**FAST)
    with follow(bearerd) as stream:
        event = stream.event()
        gone = stream.event()
        assert gone == (None, "gone", {"name": "athena", "generation": int(event.id)})
        assert bearerd.shown()["valid"] is False
        endpoint.normal()
        assert stream.event().data["generation"] > int(event.id)


def test_no_token_is_in_any_event(broker, endpoint):
    bearerd = broker(**FAST)
    with follow(bearerd) as stream:
        bearerd.overhear(repr(stream.event()))      # looked through at the end
        renew(bearerd)
        bearerd.overhear(repr(stream.event()))
    assert len(endpoint.tokens) == 2


# Who may.

def test_what_is_no_request_for_events_is_refused(broker):
    bearerd = broker(tokens={"alpha": {}, "beta": {}})
    cases = (
        ("/v1/tokens/nope/events", b"", 404, "unknown_token"),
        ("/v1/token/events", b"", 400, "invalid_request"),
        ("/v1/tokens/alpha/events?wait=1", b"", 400, "invalid_request"),
        ("/v1/tokens/alpha/events?after=x", b"", 400, "invalid_request"),
        ("/v1/tokens/alpha/events", b"Last-Event-ID: x\r\n", 400, "invalid_request"),
        ("/v1/tokens/ALPHA/events", b"", 404, "not_found"),
    )
    for target, headers, status, error in cases:
        assert refused(bearerd, target, headers) == (status, error), target
    assert bearerd.shown("alpha")["streams"] == 0


def test_refusal_keeps_the_connection(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/tokens/nope/events") + request("/v1/token"))
        assert [peer.answer().status, peer.answer().status] == [404, 200]


def test_reload_that_takes_the_token_away_ends_its_streams_alone(broker):
    bearerd = broker(tokens={"athena": {}, "other": {}}, **FAST)
    with follow(bearerd) as gone, follow(bearerd, "/v1/tokens/other/events") as stays:
        assert gone.event() and stays.event()
        section = bearerd.config.pop("token athena")
        bearerd.write_config()
        bearerd.reload()
        assert gone.event() is None
        assert refused(bearerd, "/v1/tokens/athena/events") == (404, "unknown_token")
        assert stays.event().data["name"] == "other"
        bearerd.config["token athena"] = section
        bearerd.write_config()
        bearerd.reload()
        with follow(bearerd) as back:
            assert back.event().kind == "token"


@needs_root
def test_reload_that_takes_the_permission_away_ends_the_stream(broker):
    bearerd = broker(broker={"socket_mode": "0666"}, **FAST)
    bearerd.get("/v1/token")
    with account.as_nobody(bearerd) as path:
        nobodys = EventStream(path)
    with follow(bearerd) as roots:
        assert roots.event() and nobodys.event()
        bearerd.config["token athena"]["allow_users"] = "root"
        bearerd.write_config()
        bearerd.reload()
        assert nobodys.event() is None
        assert roots.event().kind == "token"
    status, body = account.get(bearerd, "/v1/tokens/athena/events")
    assert (status, body["error"]) == (403, "access_denied")
    # Who is refused is on record; who follows was given nothing.
    assert f"refused to uid {NOBODY.pw_uid}" in bearerd.log()
    assert f"is given to uid {NOBODY.pw_uid}" not in bearerd.log()


def test_streams_end_with_bearerd(broker):
    bearerd = broker()
    with follow(bearerd) as stream:
        assert stream.event()
        bearerd.stop()
        assert stream.event() is None


# What comes in, and who leaves.

def test_what_is_sent_on_a_stream_is_not_read(broker):
    bearerd = broker(**FAST)
    with follow(bearerd) as stream:
        assert stream.event()
        stream.send(request("/v1/token") + b"\0garbage")
        stream.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                stream.socket.send(bytes(65536))
        stream.socket.settimeout(20)
        assert not stream.has_event()
        generation = renew(bearerd)
        assert_tells(stream, bearerd, generation)


def test_requests_behind_it_are_not_answered(broker):
    bearerd = broker(**FAST)
    assert bearerd.get("/v1/token").status == 200
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/token/events") + request("/v1/token"))
        until(lambda: bearerd.shown()["streams"] == 1)
        renew(bearerd)
        peer.socket.shutdown(socket.SHUT_WR)    # and still wants to hear
        until(lambda: bearerd.shown()["streams"] == 1)
        renew(bearerd)
        bearerd.stop()
        said = peer.rest()
    assert said.count(b"event: token") == 3
    assert said.count(b"HTTP/1.1") == 1


def test_who_has_left_is_noticed_at_once(broker):
    bearerd = broker()
    streams = [follow(bearerd) for _ in range(5)]
    assert bearerd.shown()["streams"] == 5
    for stream in streams:
        stream.close()
    until(lambda: bearerd.shown()["streams"] == 0, timeout=5)


def context_switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return [int(line.split()[1]) for line in status if line.startswith("voluntary")]


def test_streams_are_no_reason_to_wake_up(broker):
    bearerd = broker()
    with follow(bearerd) as one, follow(bearerd) as other:
        assert one.event() and other.event()
        time.sleep(0.5)
        before = context_switches(bearerd.pid)
        time.sleep(2)
        assert context_switches(bearerd.pid) == before


# What a user may take.

def test_stream_takes_one_of_its_users_places_to_wait(broker):
    bearerd = broker(broker={"user_waiting": 3}, **FAST)
    streams = [follow(bearerd) for _ in range(3)]
    assert refused(bearerd, "/v1/token/events") == (429, "too_many_requests")
    # Who has more than is allowed from now on keeps it.
    bearerd.config["broker"]["user_waiting"] = 1
    bearerd.write_config()
    bearerd.reload()
    for stream in streams:
        assert [stream.event().kind for _ in range(2)] == ["token", "token"]
    streams.pop().close()
    streams.pop().close()
    until(lambda: bearerd.shown()["streams"] == 1)
    assert refused(bearerd, "/v1/token/events") == (429, "too_many_requests")
    streams.pop().close()
    until(lambda: bearerd.shown()["streams"] == 0)
    with follow(bearerd) as stream:
        assert stream.event()


def test_a_thousand_streams_are_told_and_nobody_waits(broker):
    bearerd = broker(**FAST)
    bearerd.get("/v1/token")
    streams = [follow(bearerd) for _ in range(1000)]
    generation = renew(bearerd)
    began = time.monotonic()
    assert bearerd.get("/v1/token").status == 200
    assert time.monotonic() - began < 5
    for stream in streams:
        assert [stream.event().kind, stream.event().id] == ["token", str(generation)]
        stream.close()


def test_operators_see_streams_and_what_was_told(broker):
    bearerd = broker(start=False, **FAST)
    operator = operators.start(bearerd)
    with follow(bearerd) as one, follow(bearerd, "/v1/token/events") as other:
        assert one.event() and other.event()
        generation = renew(bearerd)
        assert one.event().id == other.event().id == str(generation)
        token, status = operator.token(), operator.status()
        assert (token["streams"], token["counters"]["events"], token["waiting"]) == (2, 4, 0)
        assert status["peers"]["most"][0] == {"uid": os.geteuid(), "connections": 2, "waiting": 2}
        metrics = operator.metrics()
        assert metrics[("bearerd_event_streams", "token=athena")] == 2
        assert metrics[("bearerd_events_total", "token=athena")] == 4
