# SPDX-License-Identifier: MIT
"""Peers that are slow, odd or hostile: what they get, and that it costs nobody else anything."""

import os
import select
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import slowfetch
from pace import until
from rawpeer import RawPeer, request

PATIENCE = 2            # CONNECTION_PATIENCE
HEAD_MAX = 8192         # HTTP1_HEAD_MAX
BODY_MAX = 8192         # HTTP1_BODY_MAX
GET = request("/v1/token")
PATIENT = request("/v1/token?wait=60")
GRANT = b"grant_type=client_credentials"
FORM = "Content-Type: application/x-www-form-urlencoded"
FEW_DESCRIPTORS = ["prlimit", "--nofile=128:128"]
CONNECTIONS_MAX = 48    # with so few: of 64, one user may have three quarters


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def assert_rests(bearerd):
    """A loop that spins would take all of that second."""
    before = cpu_seconds(bearerd.pid)
    time.sleep(1)
    assert cpu_seconds(bearerd.pid) - before < 0.2


def wait_until_closed(peer, timeout=20):
    """Without reading anything from it."""
    poll = select.poll()
    poll.register(peer, 0)      # POLLHUP and POLLERR come unasked
    assert poll.poll(timeout * 1000), "it was not closed"


# What is no request.

MALFORMED = [
    b"\r\n\r\n", b"\n", b"\0", b"\x16\x03\x01\x02\x00\x01\x00\r\n", b"GET\r\n",
    b"GET /v1/token\r\n",
    b"GET  /v1/token HTTP/1.1\r\n\r\n", b"GET /v1/token HTTP/1.1\n\n",
    b"GET /v1/token HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET v1/token HTTP/1.1\r\n\r\n", b"GET /v1/\xff HTTP/1.1\r\n\r\n",
    request("/v1/token", "No colon"), request("/v1/token", "A: b", " folded"),
    request("/v1/token", "A : b"), request("/v1/token", ": b"), request("/v1/token", "A: \0"),
    request("/v1/token", "A: b\rc"), request("/v1/token", "Transfer-Encoding: chunked"),
    request("/v1/token", "Content-Length: 1", "Content-Length: 1"),
    request("/v1/token", "Content-Length: -1"), request("/v1/token", "Content-Length: 0x1"),
    request("/v1/token", "Content-Length: 1, 1"), request("/v1/token", "Content-Length: "),
    request("/v1/token", f"Content-Length: {BODY_MAX + 1}"),
    request("/v1/token", "Content-Length: 18446744073709551617"),
    request("/v1/token", *["A: b"] * 65), b"GET /" + b"a" * HEAD_MAX,
    b"GET / HTTP/1.1\r\nA: " + b"a" * HEAD_MAX,
]


def test_what_is_no_request_gets_400_and_disturbs_nobody(broker, endpoint):
    bearerd = broker()
    with bearerd.connect() as other:
        other.connect()
        kept = other.sock
        for data in MALFORMED:
            with RawPeer(bearerd.socket) as peer:
                peer.send(data)
                answered = peer.answer()
                assert (answered.status, answered.headers["Connection"]) == (400, "close"), data
                assert answered.body["error"] == "invalid_request"
                assert answered.body["error_description"]
                assert peer.is_closed()
            assert other.get("/v1/token").body["access_token"] == endpoint.tokens[0]
        assert other.sock is kept


def test_nothing_is_taken_behind_what_is_no_request(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET + b"nonsense\r\n\r\n" + GET)
        assert [peer.answer().status for _ in range(2)] == [200, 400]
        assert peer.is_closed()


# Limits.

def test_head_as_large_as_may_be(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        size = HEAD_MAX - len(request("/v1/token", "A: "))
        peer.send(request("/v1/token", "A: " + "a" * size))
        assert peer.answer().status == 200
        peer.send(request("/v1/token", "A: " + "a" * (size + 1)))
        assert peer.answer().status == 400


def test_body_as_large_as_may_be(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        body = GRANT + b"&x=" + b"a" * (BODY_MAX - len(GRANT) - 3)
        peer.send(request("/oauth2/v1/token", FORM, method="POST", body=body))
        assert peer.answer().status == 200
        peer.send(request("/oauth2/v1/token", FORM, method="POST", body=body + b"a"))
        assert peer.answer().status == 400


def test_head_and_body_as_large_as_may_be_at_once(broker):
    bearerd = broker()
    body = GRANT + b"&x=" + b"a" * (BODY_MAX - len(GRANT) - 3)

    def whole(size):
        return request("/oauth2/v1/token", FORM, "A: " + "a" * size, method="POST", body=body)

    with RawPeer(bearerd.socket) as peer:
        for _ in range(2):
            data = whole(HEAD_MAX + BODY_MAX - len(whole(0)))
            peer.send(data[:100])       # so that it is not read in one go
            peer.send(data[100:])
            assert peer.answer().status == 200


# Slow ones.

def test_slow_request_is_cut_off_and_silence_is_not(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as slow, bearerd.connect() as silent:
        silent.connect()
        kept = silent.sock
        start = time.monotonic()
        slow.socket.settimeout(0.1)
        sent = 0
        while time.monotonic() < start + 20:
            try:
                slow.send(request("/v1/token", "A: " + "a" * 1000)[sent:sent + 1])
                sent += 1
                assert slow.socket.recv(1) == b""
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert PATIENCE - 0.1 < time.monotonic() - start < PATIENCE + 5
        assert sent > 5
        assert silent.get("/v1/token").status == 200
        assert silent.sock is kept


def test_request_in_many_pieces(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        for byte in request("/oauth2/v1/token", FORM, method="POST", body=GRANT) + GET:
            peer.send(bytes([byte]))
        assert [peer.answer().status for _ in range(2)] == [200, 200]


# Half-closed ones.

def test_who_has_ended_sending_gets_an_answer(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET + request("/nope"))
        peer.end_sending()
        assert [peer.answer().status for _ in range(2)] == [200, 404]
        assert peer.is_closed()


def test_who_has_ended_sending_gets_an_answer_that_takes_its_time(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET + request("/nope"))
        peer.end_sending()
        slowfetch.wait_for_waiting(bearerd, 1)
        assert_rests(bearerd)
        slowfetch.end(bearerd)
        assert [peer.answer().status for _ in range(2)] == [200, 404]
        assert peer.is_closed()


def test_who_ends_in_mid_request_is_let_go(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET + b"GET /v1")
        peer.end_sending()
        assert peer.answer().status == 200
        assert peer.is_closed()


# Pipelined ones.

def test_pipelined_requests_are_answered_in_turn(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET + request("/nope") + request("/v1/tokens") + GET)
        assert [peer.answer().status for _ in range(4)] == [200, 404, 200, 200]


def test_request_behind_one_that_waits_is_answered_after_it(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/token/header") + request("/v1/tokens") + GET)
        slowfetch.wait_for_waiting(bearerd, 1)
        peer.send(request("/nope"))
        assert_rests(bearerd)
        slowfetch.end(bearerd)
        first, second, third, last = [peer.answer() for _ in range(4)]
        assert first.body == f"Authorization: Bearer {endpoint.tokens[-1]}\n"
        assert second.body["tokens"][0]["valid"]
        assert (third.status, last.status) == (200, 404)


def test_more_behind_one_that_waits_than_is_ever_read(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET)
        slowfetch.wait_for_waiting(bearerd, 1)
        behind = 0
        peer.socket.setblocking(False)
        for _ in range(500):
            try:
                peer.send(request("/nope", "A: " + "a" * 900))
                behind += 1
            except BlockingIOError:
                break
        assert behind >= 50
        assert bearerd.get("/v1/tokens").status == 200
        peer.socket.settimeout(20)
        slowfetch.end(bearerd)
        assert peer.answer().status == 200
        assert {peer.answer().status for _ in range(behind)} == {404}


# Those who leave.

def test_who_leaves_while_its_request_waits_is_forgotten(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(PATIENT)
        slowfetch.wait_for_waiting(bearerd, 1)
    slowfetch.wait_for_waiting(bearerd, 0)
    assert_rests(bearerd)


def test_who_ends_sending_and_then_leaves_is_forgotten(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(PATIENT + GET)
        peer.end_sending()
        slowfetch.wait_for_waiting(bearerd, 1)
    slowfetch.wait_for_waiting(bearerd, 0)
    assert_rests(bearerd)


def test_who_leaves_with_answers_unread_is_forgotten(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/nope") + PATIENT)
        slowfetch.wait_for_waiting(bearerd, 1)
    slowfetch.wait_for_waiting(bearerd, 0)
    assert_rests(bearerd)


def test_who_leaves_at_once(broker):
    bearerd = broker()
    for data in (b"", b"G", GET, GET * 10, b"nonsense\r\n\r\n"):
        for _ in range(10):
            with RawPeer(bearerd.socket) as peer:
                peer.send(data)
    assert bearerd.get("/v1/token").status == 200
    assert_rests(bearerd)


# Those who do not read.

def test_who_never_reads_is_cut_off_and_others_are_served(broker):
    bearerd = broker()
    descriptors = len(os.listdir(f"/proc/{bearerd.pid}/fd"))
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(bearerd.socket))
        peer.settimeout(0.3)        # so long is nothing taken off it: bearerd has stopped
        with pytest.raises((TimeoutError, BrokenPipeError)):
            while True:
                peer.sendall(GET)
        start = time.monotonic()
        with bearerd.connect() as other:
            assert all(other.get("/v1/token").status == 200 for _ in range(100))
        wait_until_closed(peer)
        assert time.monotonic() - start < PATIENCE + 5
    assert bearerd.get("/v1/token").status == 200
    # One is of the process that it knows now; that the last connection has ended is for its next turn.
    until(lambda: len(os.listdir(f"/proc/{bearerd.pid}/fd")) <= descriptors + 1)


def test_who_reads_more_slowly_than_it_asks_gets_all(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer, ThreadPoolExecutor() as pool:
        asked = pool.submit(peer.send, GET * 1000)
        assert {peer.answer().status for _ in range(1000)} == {200}
        asked.result()


# Many.

def few_descriptors(broker, **keys):
    bearerd = broker(start=False, **keys)
    bearerd.wrapper = FEW_DESCRIPTORS
    bearerd.start()
    bearerd.get("/v1/token")
    return bearerd


def test_longest_idle_connection_makes_room_for_a_new_one(broker):
    bearerd = few_descriptors(broker)
    peers = []
    for _ in range(3 * CONNECTIONS_MAX):
        peers.append(RawPeer(bearerd.socket))
        peers[-1].send(GET)
        assert peers[-1].answer().status == 200
    assert all(peer.is_closed() for peer in peers[:-CONNECTIONS_MAX])
    for peer in peers[-CONNECTIONS_MAX:]:
        peer.send(GET)
        assert peer.answer().status == 200
    assert_rests(bearerd)
    for peer in peers:
        peer.close()


def test_connection_whose_request_has_come_in_is_not_closed_for_a_new_one(broker):
    bearerd = few_descriptors(broker)
    peers = []
    for _ in range(CONNECTIONS_MAX):
        peers.append(RawPeer(bearerd.socket))
        peers[-1].send(GET)
        assert peers[-1].answer().status == 200
    bearerd.signal(signal.SIGSTOP)
    peers.append(RawPeer(bearerd.socket))       # first in bearerd's queue
    peers[0].send(GET)
    bearerd.signal(signal.SIGCONT)
    assert peers[0].answer().status == 200
    assert peers[1].is_closed()
    for peer in peers:
        peer.close()


def test_connection_that_is_used_is_not_the_longest_idle(broker):
    bearerd = few_descriptors(broker)
    with RawPeer(bearerd.socket) as used:
        others = []
        for _ in range(3 * CONNECTIONS_MAX):
            used.send(GET)
            assert used.answer().status == 200
            others.append(RawPeer(bearerd.socket))
    for other in others:
        other.close()


def peers_that_send(bearerd, data, number):
    peers = []
    for _ in range(number):
        peers.append(RawPeer(bearerd.socket))
        peers[-1].send(data)
    return peers


def test_requests_that_never_end_hold_others_up_for_a_moment_only(broker):
    bearerd = few_descriptors(broker)
    peers = peers_that_send(bearerd, b"GET", CONNECTIONS_MAX)
    start = time.monotonic()
    assert bearerd.get("/v1/token").status == 429
    until(lambda: bearerd.get("/v1/token").status == 200)
    assert time.monotonic() - start < PATIENCE + 5
    for peer in peers:
        peer.close()


def test_requests_that_wait_are_answered_and_those_past_the_limit_turned_away(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint, wrapper=FEW_DESCRIPTORS)
    peers = peers_that_send(bearerd, GET, CONNECTIONS_MAX)
    peers += [RawPeer(bearerd.socket) for _ in range(CONNECTIONS_MAX)]
    assert_rests(bearerd)
    slowfetch.end(bearerd)
    assert {peer.answer().status for peer in peers[:CONNECTIONS_MAX]} == {200}
    assert {peer.answer().status for peer in peers[CONNECTIONS_MAX:]} == {429}
    assert len(endpoint.token_requests) == 2
    for peer in peers:
        peer.close()
