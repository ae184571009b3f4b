# SPDX-License-Identifier: MIT
"""Descriptors that peers pass to bearerd along with bytes (SCM_RIGHTS): what becomes of them, and that
bearerd waits for none."""

import signal
import socket

import burden
import pytest
import syscalls
from eventstream import EventStream
from pace import FAST
from rawpeer import RawPeer, request

GET = request("/v1/token")


@pytest.fixture
def exposed(broker):
    """A bearerd on a kernel that cannot refuse rights."""
    bearerd = broker(start=False, **FAST)
    bearerd.wrapper = syscalls.without_refusing_rights()
    bearerd.start()
    return bearerd


def pass_burden(bearerd, to, data):
    """DATA, and a burden that is only there when bearerd sees it: else it is us who linger. Who does
    not read what it has sent."""
    passed, reader = burden.make()
    bearerd.signal(signal.SIGSTOP)
    try:
        assert socket.send_fds(to, [data], [passed.fileno()]) == len(data)
        passed.close()
    finally:
        bearerd.signal(signal.SIGCONT)
    return reader


def assert_is_told(peer):
    answer = peer.answer()
    assert answer.status == 400 and "descriptors" in answer.body["error_description"]
    assert peer.is_closed()


def test_the_kernel_refuses_them_where_it_can(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        try:
            peer.socket.getsockopt(socket.SOL_SOCKET, syscalls.SO_PASSRIGHTS)
        except OSError:
            socket.send_fds(peer.socket, [GET], [0])
            assert_is_told(peer)
        else:
            with pytest.raises(PermissionError):
                socket.send_fds(peer.socket, [GET], [0])
            peer.send(GET)
            assert peer.answer().status == 200


@pytest.mark.parametrize("at", [0, 4, len(GET) - 1])
@pytest.mark.parametrize("before", [b"", GET], ids=["at first", "later"])
def test_request_that_has_one_is_refused(exposed, before, at):
    with RawPeer(exposed.socket) as peer:
        if before:
            peer.send(before)
            assert peer.answer().status == 200
        peer.send(GET[:at])
        reader = pass_burden(exposed, peer.socket, GET[at:])
        assert_is_told(peer)
        burden.wait_until_dropped(reader)
    assert exposed.get("/v1/token").status == 200


def test_who_leaves_one_unread(exposed):
    readers = []
    for before in (b"", b"G", GET, GET * 10, request("/v1/token/events")) * 4:
        with RawPeer(exposed.socket) as peer:
            peer.send(before)
            readers.append(pass_burden(exposed, peer.socket, GET))
    for reader in readers:
        burden.wait_until_dropped(reader)
    assert exposed.get("/v1/token").status == 200


def test_who_is_cut_off_with_one_unread(exposed):
    with RawPeer(exposed.socket) as peer:
        peer.send(GET * 1000)   # of which the answers are more than a socket holds
        reader = pass_burden(exposed, peer.socket, GET)
        burden.wait_until_dropped(reader)
    assert exposed.get("/v1/token").status == 200


def test_who_has_one_unread_when_bearerd_ends(exposed):
    with EventStream(exposed.socket) as stream:
        reader = pass_burden(exposed, stream.socket, GET)
        assert exposed.stop() == 0
        burden.wait_until_dropped(reader)


def test_bearerd_fetch_that_passes_one(broker):
    bearerd = broker(start=False, **FAST)
    bearerd.wrapper = syscalls.without_refusing_rights()
    path = bearerd.directory / "fetch.sock"
    bearerd.arguments[-1] = f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)
        bearerd.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(100)
            reader = pass_burden(bearerd, connection, b"{")
            burden.wait_until_dropped(reader)
        bearerd.wait_for_log("no token this time")
    assert bearerd.stop() == 0
