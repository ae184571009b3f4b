# SPDX-License-Identifier: MIT
"""The socket: whose it is, what is replaced and what is not, and systemd's."""

import grp
import os
import shutil
import signal
import socket
import stat
import time

import account
import pytest
import slowfetch
from account import needs_root
from activation import activate
from pace import TIMEOUT, until
from rawpeer import RawPeer


def fails(bearerd, status=73):
    """Its log, when it has ended with STATUS."""
    bearerd.write_config()
    bearerd.launch()
    assert bearerd.wait() == status, bearerd.log()
    return bearerd.log()


# What it looks like.

@pytest.mark.parametrize("mode", [None, "0600", "0660", "0666", "0606"])
def test_mode_is_as_configured(broker, mode):
    status = broker(broker={"socket_mode": mode}).socket.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == int(mode or "0660", 8)


@needs_root
def test_group_is_as_configured(broker):
    status = broker(broker={"socket_group": "daemon", "socket_mode": "0660"}).socket.stat()
    assert (status.st_uid, status.st_gid) == (0, grp.getgrnam("daemon").gr_gid)


def test_path_is_the_configured_one_without_an_option(broker):
    bearerd = broker(start=False)
    at = bearerd.arguments.index("--socket")
    del bearerd.arguments[at:at + 2]
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200


def test_option_beats_the_file(broker):
    bearerd = broker(broker={"socket": "/nonexistent/token.sock"})
    assert bearerd.get("/v1/token").status == 200


# What is there already.

def test_socket_of_a_killed_bearerd_is_replaced(broker):
    bearerd = broker()
    assert bearerd.get("/v1/token").status == 200   # no child is on its way to bearerd-fetch
    bearerd.kill()
    assert stat.S_ISSOCK(bearerd.socket.stat().st_mode)
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200


def test_socket_of_a_living_one_is_not(broker):
    first, second = broker(), broker(start=False)
    second.arguments[second.arguments.index("--socket") + 1] = first.socket
    log = fails(second)
    assert f"cannot listen at {first.socket}: another bearerd serves it" in log
    assert first.get("/v1/token").status == 200


def test_socket_of_something_busy_is_not(broker):
    bearerd = broker(start=False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bearerd.socket))
        listener.listen(0)
        clients = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                   for _ in range(3)]
        with pytest.raises(BlockingIOError):
            for client in clients:
                client.connect(str(bearerd.socket))
        inode = bearerd.socket.stat().st_ino
        assert "another bearerd serves it" in fails(bearerd)
        assert bearerd.socket.stat().st_ino == inode
        for client in clients:
            client.close()


@pytest.mark.parametrize("make", [
    lambda path: path.write_text("mine"), lambda path: path.mkdir(),
    lambda path: path.symlink_to("nowhere"), os.mkfifo,
], ids=["file", "directory", "link", "fifo"])
def test_what_is_no_socket_is_left_alone(broker, make):
    bearerd = broker(start=False)
    make(bearerd.socket)
    before = bearerd.socket.lstat()
    log = fails(bearerd)
    assert f"cannot listen at {bearerd.socket}: there is something that is no socket" in log
    assert bearerd.socket.lstat() == before


def test_directory_that_is_not_there(broker):
    bearerd = broker(start=False)
    path = bearerd.directory / "not/there"
    bearerd.arguments[bearerd.arguments.index("--socket") + 1] = path
    assert f"cannot listen at {path}: its directory does not exist" in fails(bearerd)


def test_path_that_is_too_long_is_named(broker):
    bearerd = broker(start=False)
    path = f"{bearerd.directory}/{'x' * 107}"
    bearerd.arguments[bearerd.arguments.index("--socket") + 1] = path
    log = fails(bearerd)
    assert path in log
    assert "107 bytes" in log


def test_path_as_long_as_may_be(broker):
    bearerd = broker(start=False)
    path = f"{bearerd.directory}/".ljust(107, "x")
    bearerd.socket = path
    bearerd.arguments[bearerd.arguments.index("--socket") + 1] = path
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200


# The end.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_socket_goes_with_bearerd(broker, number):
    bearerd = broker()
    bearerd.signal(number)
    assert bearerd.wait() == 0
    assert not bearerd.socket.exists()
    bearerd.wait_for_notify(lambda messages: any("STOPPING" in each for each in messages),
                            "STOPPING=1")


def test_socket_that_somebody_took_over_stays(broker):
    bearerd = broker()
    bearerd.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(bearerd.socket))
        other.listen()
        assert bearerd.stop() == 0
        assert bearerd.socket.exists()


# What makes a path one where somebody listens takes a second.
STEPS = "?chmod,?fchmodat,?chown,?fchownat,listen"
SLOW_TO_LISTEN = ["strace", "--daemonize", "-q", "-o", "/dev/null", "-e", f"trace={STEPS}", "-e",
                  f"inject={STEPS}:delay_enter=300ms"]


@needs_root
@pytest.mark.parametrize("command", [["get", "--wait", "20"], ["watch"]])
def test_who_is_hung_up_on_waits_for_the_next_one(broker, endpoint, programs, command):
    """However far it is with its socket when it is tried; also who may connect by the group alone."""
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"    # a tracer is there already
    bearerd = slowfetch.start(broker, endpoint, environment={"ASAN_OPTIONS": options},
                              broker={"socket_group": "daemon", "socket_mode": "0660"})
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    workers = [account.start(bearerd, ["./bearerctl", *command],
                             groups=[grp.getgrnam("daemon").gr_gid]) for _ in range(4)]
    until(lambda: bearerd.shown()["waiting"] + bearerd.shown()["streams"] == len(workers))
    bearerd.stop()
    bearerd.wrapper = SLOW_TO_LISTEN
    bearerd.start()
    try:
        assert all(worker.stdout.readline() for worker in workers)
    finally:
        for worker in workers:
            worker.kill()
            _, said = worker.communicate(timeout=TIMEOUT)
            assert said == ""


# systemd's.

def test_socket_of_systemd_is_taken(broker):
    bearerd = broker(start=False)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"))
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200
    assert bearerd.stop() == 0
    assert bearerd.socket.exists()


def test_socket_of_systemd_among_others(broker):
    bearerd = broker(start=False)
    activate(bearerd, (bearerd.directory / "a", "another", "SOCK_STREAM"),
             (bearerd.socket, "token", "SOCK_STREAM"),
             (bearerd.directory / "b", "other", "SOCK_DGRAM"))
    bearerd.start()
    assert bearerd.get("/v1/token").status == 200
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(bearerd.directory / "a"))


def test_each_socket_of_systemd_is_served(broker):
    bearerd = broker(start=False)
    paths = [bearerd.socket] + [bearerd.directory / f"more{i}" for i in range(7)]
    activate(bearerd, *[(path, "token", "SOCK_STREAM") for path in paths])
    bearerd.start()
    for path in paths:
        bearerd.socket = path
        assert bearerd.get("/v1/token").status == 200


@pytest.mark.parametrize("name, n", [("token", 9), ("credential", 2)])
def test_socket_of_systemd_that_would_not_be_served_is_an_error(broker, name, n):
    bearerd = broker(start=False)
    activate(bearerd, *[(bearerd.directory / f"{name}{i}", name, "SOCK_STREAM") for i in range(n)],
             (bearerd.socket, "token", "SOCK_STREAM"))
    assert f"FileDescriptorName={name}" in fails(bearerd)


@pytest.mark.parametrize("name, kind", [("other", "SOCK_STREAM"), ("token", "SOCK_DGRAM"),
                                        ("token", "SOCK_SEQPACKET")])
def test_wrong_socket_of_systemd_is_an_error(broker, name, kind):
    bearerd = broker(start=False)
    activate(bearerd, (bearerd.directory / "passed", name, kind))
    assert "FileDescriptorName=token" in fails(bearerd)
    assert not bearerd.socket.exists()


def test_bearerd_fetch_gets_no_socket(broker, endpoint):
    endpoint.next("stall")
    bearerd = broker(start=False)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"))
    bearerd.start()
    endpoint.wait_for_requests(1, timeout=20)
    for pid in bearerd.wait_for_fetchers():
        with open(f"/proc/{pid}/environ", encoding="ascii") as environ:
            assert "LISTEN_" not in environ.read()


def test_watchdog_is_told_twice_in_its_time(broker):
    bearerd = broker(environment={"WATCHDOG_USEC": "400000"})
    began = time.monotonic()
    seen = len([each for each in bearerd.notify if "WATCHDOG" in each])
    bearerd.wait_for_notify(
        lambda messages: len([each for each in messages if "WATCHDOG" in each]) >= seen + 5,
        "five times WATCHDOG=1")
    assert time.monotonic() - began > 0.6       # five are four times 0.2 s apart, at least


def test_who_is_hung_up_on_at_the_end_does_not_come_back_to_the_same_bearerd(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    crowd = [RawPeer(bearerd.socket) for _ in range(50)]
    for peer in crowd:
        peer.send(b"GET /v1/token HTTP/1.1\r\n\r\n")
    slowfetch.wait_for_waiting(bearerd, len(crowd))
    bearerd.signal(signal.SIGTERM)
    for peer in crowd:
        assert peer.is_closed()
        with socket.socket(socket.AF_UNIX) as again, \
                pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            again.connect(str(bearerd.socket))
        peer.close()
    assert bearerd.wait() == 0
