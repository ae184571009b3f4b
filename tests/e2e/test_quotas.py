# SPDX-License-Identifier: MIT
"""What one user may take, and that there is always something left for another."""

import os
import time

import account
import slowfetch
from account import needs_root
from pace import until
from rawpeer import RawPeer, request

GET = request("/v1/token")
FEW_DESCRIPTORS = ["prlimit", "--nofile=128:128"]
CONNECTIONS_MAX = 64        # with so few
ONE_USERS = 48              # three quarters
OF_THE_REST = 12
TURN = 32                   # QUOTA_TURN


def limited(broker, descriptors=True, **limits):
    bearerd = broker(start=False, broker={"socket_mode": "0666"} | limits)
    bearerd.wrapper = FEW_DESCRIPTORS if descriptors else []
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200
    return bearerd


def peers_at_work(bearerd, number):
    """Connections whose request has begun: they are not idle."""
    peers = [RawPeer(bearerd.socket) for _ in range(number)]
    for peer in peers:
        peer.send(b"GET")
    return peers


def close_all(peers):
    for peer in peers:
        peer.close()


def assert_turned_away(peer):
    answered = peer.answer()
    assert (answered.status, answered.body["error"]) == (429, "too_many_requests")
    assert answered.headers["Retry-After"] == "1"
    assert peer.is_closed()


def test_connections_past_the_limit_are_turned_away(broker):
    bearerd = limited(broker)
    peers = peers_at_work(bearerd, ONE_USERS)
    with RawPeer(bearerd.socket) as other:
        assert_turned_away(other)
    peers.pop().close()
    until(lambda: bearerd.get("/v1/token").status == 200)
    close_all(peers)


def test_users_limit_of_connections_is_a_setting(broker):
    bearerd = limited(broker, user_connections=5)
    peers = peers_at_work(bearerd, 5)
    with RawPeer(bearerd.socket) as other:
        assert_turned_away(other)
    bearerd.config["broker"]["user_connections"] = 6
    bearerd.write_config()
    bearerd.reload()
    assert bearerd.get("/v1/token").status == 200
    close_all(peers)


@needs_root
def test_another_user_finds_room(broker):
    bearerd = limited(broker)
    peers = peers_at_work(bearerd, ONE_USERS)
    with account.as_nobody(bearerd) as path:
        others = [RawPeer(path) for _ in range(OF_THE_REST)]
    for other in others:
        other.send(GET)
        assert other.answer().status == 200
    assert bearerd.get("/v1/token").status == 429
    close_all(peers + others)


@needs_root
def test_own_idle_connection_makes_room_and_no_others_does(broker):
    bearerd = limited(broker)
    with account.as_nobody(bearerd) as path:
        idle = RawPeer(path)
    idle.send(GET)
    assert idle.answer().status == 200
    peers = [RawPeer(bearerd.socket) for _ in range(3 * CONNECTIONS_MAX)]
    peers[-1].send(GET)
    assert peers[-1].answer().status == 200
    assert peers[0].is_closed()
    idle.send(GET)
    assert idle.answer().status == 200
    close_all(peers + [idle])


def test_one_request_too_many_to_wait_gets_429(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint, broker={"user_waiting": 2})
    waiting = [RawPeer(bearerd.socket) for _ in range(2)]
    for peer in waiting:
        peer.send(GET)
    slowfetch.wait_for_waiting(bearerd, 2)
    with bearerd.connect() as connection:
        answered = connection.get("/v1/token")
        assert (answered.status, answered.body["error"]) == (429, "too_many_requests")
        assert answered.headers["Retry-After"] == "1"
        assert connection.get("/v1/token?wait=0").status == 504
        waiting.pop().close()
        slowfetch.wait_for_waiting(bearerd, 1)
        connection.request("GET", "/v1/token")
        slowfetch.wait_for_waiting(bearerd, 2)
        slowfetch.end(bearerd)
        assert connection.answered().status == 200
    assert waiting[0].answer().status == 200
    close_all(waiting)


# How fast.

def test_requests_past_the_rate_wait_and_are_all_answered(broker):
    bearerd = limited(broker, user_requests_per_second=10)
    start = time.monotonic()
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET * 40)
        assert {peer.answer().status for _ in range(40)} == {200}
    # Ten at once, and then one every 100 ms: longer than a peer may take in mid-request.
    assert time.monotonic() - start > 2.9


@needs_root
def test_rate_of_one_user_is_not_anothers(broker):
    bearerd = limited(broker, user_requests_per_second=1)
    with RawPeer(bearerd.socket) as flood:
        flood.send(GET * 60)
        assert flood.socket.recv(1)         # of the first answer
        with account.as_nobody(bearerd) as path:
            other = RawPeer(path)
        other.send(GET)
        assert other.answer().status == 200
        other.close()
        flood.socket.setblocking(False)
        assert flood.socket.recv(1 << 20).count(b" 200 OK") < 60


def test_many_more_requests_than_a_turn_has_are_all_answered(broker):
    bearerd = limited(broker, descriptors=False)
    peers = [RawPeer(bearerd.socket) for _ in range(3 * TURN)]
    for peer in peers:
        peer.send(GET * 3 * TURN)
    for peer in peers:
        assert {peer.answer().status for _ in range(3 * TURN)} == {200}
    close_all(peers)


def test_connections_that_wait_for_their_turn_may_leave(broker):
    bearerd = limited(broker, user_requests_per_second=1)
    descriptors = len(os.listdir(f"/proc/{bearerd.pid}/fd"))
    peers = [RawPeer(bearerd.socket) for _ in range(20)]
    for peer in peers:
        peer.send(GET * 3)
    close_all(peers)
    # One is of the process that it knows now.
    until(lambda: len(os.listdir(f"/proc/{bearerd.pid}/fd")) <= descriptors + 1)


def test_reload_lifts_the_rate(broker):
    bearerd = limited(broker, user_requests_per_second=1)
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET * 200)
        assert peer.answer().status == 200
        bearerd.config["broker"]["user_requests_per_second"] = 10000
        bearerd.write_config()
        bearerd.reload()
        assert {peer.answer().status for _ in range(199)} == {200}
