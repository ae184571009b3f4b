# SPDX-License-Identifier: MIT
"""What a request costs bearerd, and what a token that it keeps costs a worker, in user-space
instructions of the whole process: so many each time, on any machine, however busy. Peer check, policy
by user and group, quota, deadlines, audit and counters are all on.

Not for a build with sanitizers. To see the figures by function:

    BEARERD_BUILD=build/plain python3 -m pytest -rP tests/e2e/test_instructions.py
"""

import grp
import os
import pwd
import socket
from pathlib import Path

import callgrind
import keeper
import pytest
from pace import SLOW

N = 2000            # of each, and twice as many
LIMIT = 2000        # for a request on a kept connection, that has come before
SLACK = 1.1
# What was counted when this was written (gcc 12, -O2, libevent 2.1.12, glibc 2.36).
RECORDED = {"libbearer": 1894, "curl": 1933, "plain text": 1923, "unknown header": 3635,
            "long": 4416, "OAuth": 5933, "connect": 6672, "kept": 141, "kept by name": 167}

LIBBEARER = b"GET /v1/tokens/athena?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n"
CURL = (b"GET /v1/tokens/athena HTTP/1.1\r\nHost: localhost\r\n"
        b"User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n")
UNKNOWN_HEADER = LIBBEARER.replace(b"Host", b"X-Host")      # has to be read each time
PLAIN = LIBBEARER.replace(b"\r\n\r\n", b"\r\nAccept: text/plain\r\n\r\n")
NAMES = ["athena", *(f"other{i}" for i in range(999))]
LONG = LIBBEARER.replace(b"localhost", b"localhost\r\nUser-Agent: " + b"x" * 200)
OAUTH = (b"POST /oauth2/v1/token HTTP/1.1\r\nHost: localhost\r\n"
         b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n\r\n"
         b"grant_type=client_credentials")
ALLOCATING = {"malloc", "calloc", "realloc", "reallocarray", "posix_memalign"}


def connect(bearerd):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SLOW)
    connection.connect(str(bearerd.socket))
    return connection


def exchange(connection, request, status=b"200 OK"):
    connection.sendall(request)
    assert connection.recv(65536).startswith(b"HTTP/1.1 %s\r\n" % status)


def wait_until_idle(bearerd):
    """Until it has done what there is, and sleeps. Who makes it ready has woken it by then."""
    stat = Path(f"/proc/{bearerd.pid}/stat")
    while stat.read_text().rsplit(")", 1)[1].split()[0] != "S":
        pass


def kept(request, idle=0):
    """Requests on one connection, while IDLE others are at rest."""
    def work(bearerd, times):
        others = [connect(bearerd) for _ in range(idle)]
        with connect(bearerd) as connection:
            for _ in range(times):
                exchange(connection, request)
        for each in others:
            each.close()
    return work


def by_names(names):
    """Requests for tokens that are not there, each in turn: what is found by its name is told at once,
    and takes no second to be rendered in."""
    requests = [f"GET /v1/tokens/{name}?wait=0 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
                for name in names]

    def work(bearerd, times):
        with connect(bearerd) as connection:
            for i in range(times):
                exchange(connection, requests[i % len(requests)], b"504 Gateway Timeout")
    return work


def connecting(bearerd, times):
    """Step by step, or what is done in one turn of the loop would depend on who is quicker."""
    for _ in range(times):
        with connect(bearerd) as connection:
            wait_until_idle(bearerd)
            exchange(connection, LIBBEARER)
            wait_until_idle(bearerd)
        wait_until_idle(bearerd)


def count(broker, endpoint, work, tokens=("athena",), recorded=None):
    """All TOKENS are of one client, whose budget is spent by the first: nothing else goes on."""
    user = pwd.getpwuid(os.getuid()).pw_name
    group = grp.getgrgid(os.getgid()).gr_name
    spent = callgrind.each(
        lambda: broker(start=False, tokens={name: {} for name in tokens},
                       broker={"user_requests_per_second": 1000000}, requests_per_minute=1,
                       client_id=endpoint.client_id, allow_users=user,
                       allow_groups=group), work, N)
    print(callgrind.table(spent))
    if recorded:
        assert spent.total <= RECORDED[recorded] * SLACK, f"{recorded}: {spent.total}"
    return spent


USUAL = {"libbearer": LIBBEARER, "curl": CURL, "plain text": PLAIN}
READ_EACH_TIME = {"unknown header": UNKNOWN_HEADER, "long": LONG, "OAuth": OAUTH}


@pytest.mark.parametrize("sender", USUAL)
def test_request_that_has_come_before(broker, endpoint, sender):
    spent = count(broker, endpoint, kept(USUAL[sender]), recorded=sender)
    assert spent.total <= LIMIT
    assert not [name for name in ALLOCATING if spent.by_function.get(name, 0) >= 1]


@pytest.mark.parametrize("sender", READ_EACH_TIME)
def test_request_that_is_read_each_time(broker, endpoint, sender):
    spent = count(broker, endpoint, kept(READ_EACH_TIME[sender]), recorded=sender)
    assert not [name for name in ALLOCATING if spent.by_function.get(name, 0) >= 1]


def test_connection_for_each_request(broker, endpoint):
    count(broker, endpoint, connecting, recorded="connect")


def test_cost_does_not_grow_with_tokens_and_connections(broker, endpoint):
    one = count(broker, endpoint, kept(LIBBEARER))
    many = count(broker, endpoint, kept(LIBBEARER, idle=300), tokens=NAMES)
    # Names that share its place in a table are looked at, too.
    assert many.total <= one.total * 1.05


def test_cost_is_the_same_for_a_thousand_tokens_in_turn(broker, endpoint):
    one = count(broker, endpoint, by_names(["other500"]), tokens=NAMES)
    all_in_turn = count(broker, endpoint, by_names(NAMES[1:]), tokens=NAMES)
    assert all_in_turn.total <= one.total * 1.05


@pytest.mark.parametrize("name", [[], ["athena"]], ids=["kept", "kept by name"])
def test_token_that_a_worker_keeps(broker, programs, request, name):
    bearerd = broker(start=False)
    keeper.start(bearerd)
    spent = callgrind.each_of(
        lambda times: [programs.libraries.parent / "tests/e2e/test-getter", str(times), *name],
        N, bearerd.directory, env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket)})
    print(callgrind.table(spent, least=1))
    assert spent.total <= RECORDED[request.node.callspec.id] * SLACK, spent.total
