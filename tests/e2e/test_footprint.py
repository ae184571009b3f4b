# SPDX-License-Identifier: MIT
"""What bearerd takes of a host: memory, of its own and for each connection, and no wake-ups in
steady state; and of the endpoint, however many workers come at once.

Not for a build with sanitizers.
"""

import re
import resource
import socket
import time
from pathlib import Path

import pytest
import slowfetch
from pace import TIMEOUT, until

KIB = 1024
RSS_MAX = 4 * 1024 * KIB
PRIVATE_MAX = 1024 * KIB
PER_CONNECTION_MAX = 3 * 1024 * KIB / 10000
REQUEST = b"GET /v1/token HTTP/1.1\r\nHost: localhost\r\n\r\n"
MANY = {"user_connections": 60000, "user_waiting": 60000}
QUIET = 3       # seconds


@pytest.fixture(autouse=True)
def descriptors():
    """As many as there may be, on either side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory(bearerd):
    """Resident, and of nobody else, in bytes."""
    text = Path(f"/proc/{bearerd.pid}/smaps_rollup").read_text()
    return [int(re.search(rf"^{name}: +(\d+) kB", text, re.M)[1]) * KIB
            for name in ("Rss", "Private_Dirty")]


def connect(bearerd, n):
    made = []
    for _ in range(n):
        made.append(socket.socket(socket.AF_UNIX))
        made[-1].settimeout(TIMEOUT)
        made[-1].connect(str(bearerd.socket))
    return made


def exchange(connection):
    connection.sendall(REQUEST)
    return answer(connection)


def answer(connection):
    got = connection.recv(65536)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    return got


def settle(bearerd):
    """Until it has taken all that there is: who comes last is served last."""
    assert bearerd.get("/v1/tokens").status == 200
    until(lambda: not bearerd.fetchers())


def test_memory_of_one_that_is_idle(broker):
    bearerd = broker()
    assert bearerd.get("/v1/token").status == 200
    settle(bearerd)
    resident, private = memory(bearerd)
    print(resident, private)
    assert resident <= RSS_MAX
    assert private <= PRIVATE_MAX


def test_memory_of_one_that_was_asked_in_any_way_there_is(broker):
    bearerd = broker(broker={"user_requests_per_second": 1000000})
    with connect(bearerd, 1)[0] as connection:
        for i in range(20000):
            connection.sendall(REQUEST.replace(b"/token", b"/token?min_valid=%d" % (i % 3000)
                                               if i % 2 else b"/token?after=%d" % (i + 1)))
            answer(connection)
    settle(bearerd)
    resident, private = memory(bearerd)
    print(resident, private)
    assert resident <= RSS_MAX
    assert private <= PRIVATE_MAX


def test_memory_of_a_connection_at_rest(broker):
    n = 2000
    bearerd = broker(broker=MANY)
    assert bearerd.get("/v1/token").status == 200
    settle(bearerd)
    _, before = memory(bearerd)
    connections = connect(bearerd, n)
    settle(bearerd)
    for each in connections:        # a request leaves nothing behind
        exchange(each)
    _, after = memory(bearerd)
    print((after - before) / n)
    assert after - before <= n * PER_CONNECTION_MAX
    for each in connections:
        each.close()


def test_many_workers_without_a_token_cause_one_request(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint, broker=MANY)
    connections = connect(bearerd, 2000)
    for each in connections:
        each.sendall(REQUEST)
    bearerd.wait_for_waiting(len(connections))
    slowfetch.end(bearerd)
    bodies = {answer(each).split(b"\r\n\r\n")[1] for each in connections}
    assert len(endpoint.token_requests) == 2        # the one that was ended, and the next
    assert {re.search(rb'"access_token":"([^"]*)"', body)[1].decode() for body in bodies} == {
        endpoint.tokens[-1]}
    for each in connections:
        each.close()


def switches(bearerd):
    """How often it has slept since it was started."""
    text = Path(f"/proc/{bearerd.pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1])


def test_nothing_wakes_it_up_in_steady_state(broker):
    bearerd = broker()
    (connection,) = connect(bearerd, 1)
    assert exchange(connection)
    settle(bearerd)
    time.sleep(0.5)     # for the end of bearerd-fetch, and of settle()
    before = switches(bearerd)
    time.sleep(QUIET)
    assert switches(bearerd) == before
    assert exchange(connection)
    until(lambda: switches(bearerd) > before)
    connection.close()
