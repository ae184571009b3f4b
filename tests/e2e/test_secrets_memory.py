# SPDX-License-Identifier: MIT
"""What is in the memory of bearerd and of a worker: never the client secret, and a token as long as it
is one.

All of it is read, from outside, as root: /proc/PID/mem by /proc/PID/maps. That what is there is
found, test_canary.py shows.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import process
import pytest
from account import needs_root
from activation import activate
from canary import Canary, found_in_process
from life import QUICK, basic
from pace import TIMEOUT, until
from unit import Unit

pytestmark = needs_root

REQUEST = b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = 5        # what is to be wiped is wiped at once, or in 2 s where somebody does not read


def found(canaries, pid):
    return {repr(each): places for each in canaries if (places := found_in_process(each, pid))}


# The client secret.

def test_bearerd_does_not_have_it_while_a_fetch_uses_it(broker, endpoint):
    endpoint.next("stall")
    bearerd = broker(**QUICK)
    endpoint.wait_for_requests(1, TIMEOUT)
    secret = Canary(endpoint.client_secret)
    (fetcher,) = bearerd.wait_for_fetchers()
    assert found_in_process(secret, fetcher)
    assert found_in_process(secret, bearerd.pid) == []
    os.kill(fetcher, signal.SIGKILL)
    assert bearerd.get("/v1/token").status == 200


def test_from_the_environment_it_stays_there(programs, broker, endpoint):
    """bearerd hands it to each bearerd-fetch, and does nothing else with it."""
    bearerd = broker(environment={"SECRET": endpoint.client_secret}, client_secret="env:SECRET",
                     **QUICK)
    assert bearerd.get("/v1/token").status == 200
    bearerd.reload()
    endpoint.wait_for_requests(2, TIMEOUT)
    secret = Canary(endpoint.client_secret)
    block = process.environment_block(bearerd.pid)
    assert "[stack]" in str(found_in_process(secret, bearerd.pid))
    elsewhere = [place for place, data in process.memory_without(bearerd.pid, block)
                 if secret.found_in(data)]
    assert len(elsewhere) == programs.are_sanitized     # a sanitizer has a copy for itself


# Tokens.

@contextmanager
def nobody(bearerd):
    yield


@contextmanager
def one_that_stays(bearerd):
    with bearerd.connect() as connection:
        assert connection.get("/v1/token").status == 200
        yield


@contextmanager
def one_that_has_left(bearerd):
    assert bearerd.get("/v1/token").status == 200
    yield


@contextmanager
def one_in_every_format(bearerd):
    with bearerd.connect() as connection:
        for path in ("/v1/token", "/v1/tokens/athena", "/v1/token/header"):
            assert connection.get(path, {"Accept": "text/plain"}).status == 200
        yield


@contextmanager
def one_with_an_oauth_request(bearerd):
    headers = {"Content-Type": "application/x-www-form-urlencoded",
               "Authorization": basic("athena", "secret-of-a-worker")}
    with bearerd.connect() as connection:
        answered = connection.ask("POST", "/oauth2/v1/token", headers,
                                  "grant_type=client_credentials")
        assert answered.status == 200
        yield


@contextmanager
def one_that_waited(bearerd):
    """Its answer was made when the token came."""
    with bearerd.connect() as connection:
        generation = connection.get("/v1/token").body["generation"]
        until(lambda: connection.get(f"/v1/token?after={generation}").status == 200)
        yield


@contextmanager
def one_that_sends_requests_ahead(bearerd):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(bearerd.socket))
        connection.sendall(10 * REQUEST)
        assert connection.recv(65536)
        yield


@contextmanager
def one_that_reads_nothing(bearerd):
    """Its answers fill the socket, and then wait in bearerd until it is given up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(bearerd.socket))
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                connection.sendall(1000 * REQUEST)
        yield


@contextmanager
def a_unit(bearerd):
    assert Unit(bearerd).read().startswith("eyJ")
    yield


WORKERS = [nobody, one_that_stays, one_that_has_left, one_in_every_format,
           one_with_an_oauth_request, one_that_waited, one_that_sends_requests_ahead,
           one_that_reads_nothing, a_unit]


@pytest.fixture(name="bearerd")
def a_bearerd(broker):
    """That has a token, and serves units as well."""
    one = broker(start=False, **QUICK, renewal_pause="100ms")
    one.credential_socket = one.directory / "credential.sock"
    activate(one, (one.credential_socket, "credential", "SOCK_STREAM"),
             (one.socket, "token", "SOCK_STREAM"))
    one.start()
    one.wait_for_status("athena: valid until")
    return one


def assert_gone(pid, tokens):
    """Soon, and with nobody asking for anything."""
    canaries = [Canary.of_token(each) for each in tokens]
    until(lambda: found(canaries, pid) == {}, SOON, lambda: f"{found(canaries, pid)}")


def wait_for_token(pid, endpoint, n):
    endpoint.wait_for_requests(n, TIMEOUT)
    until(lambda: found_in_process(Canary.of_token(endpoint.tokens[-1]), pid))


@pytest.mark.parametrize("worker", WORKERS)
def test_a_token_that_was_replaced_is_gone(bearerd, endpoint, worker):
    with worker(bearerd):
        old = endpoint.tokens
        assert found_in_process(Canary.of_token(old[-1]), bearerd.pid)
        bearerd.signal(signal.SIGHUP)
        wait_for_token(bearerd.pid, endpoint, len(old) + 1)
        assert_gone(bearerd.pid, old)
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[-1]


@pytest.mark.parametrize("worker", [nobody, one_that_stays, a_unit])
def test_a_token_that_was_removed_is_gone(bearerd, endpoint, worker):
    with worker(bearerd):
        bearerd.config.pop("token athena")
        bearerd.add_token("other", token_url="https://localhost:1/")
        bearerd.write_config()
        bearerd.signal(signal.SIGHUP)
        bearerd.wait_for_status("^other: no valid token")
        assert_gone(bearerd.pid, endpoint.tokens)


def test_a_token_that_has_expired_is_gone(broker, endpoint):
    endpoint.next(expires_in=2)
    endpoint.behave("500")
    endpoint.next(expires_in=2)
    bearerd = broker(**QUICK, floor="0s")
    with one_that_stays(bearerd):
        bearerd.wait_for_log("expired")
        assert_gone(bearerd.pid, endpoint.tokens)


# A worker's own memory: what bearer.h promises.

WORKER = """
import ctypes, sys
from ctypes import byref, c_void_p
bearer = ctypes.CDLL(sys.argv[1])
bearer.bearer_token_unref.restype = bearer.bearer_close.restype = c_void_p
handle, token, newer = c_void_p(), c_void_p(), c_void_p()
steps = {
    "open": lambda: bearer.bearer_open(sys.argv[2].encode(), byref(handle)),
    "get": lambda: bearer.bearer_get(handle, None, -1, byref(token)),
    "renew": lambda: bearer.bearer_renew(handle, token, -1, byref(newer)),
    "unref": lambda: bearer.bearer_token_unref(token),
    "unref newer": lambda: bearer.bearer_token_unref(newer),
    "close": lambda: bearer.bearer_close(handle),
}
for line in sys.stdin:
    print(steps[line.strip()](), flush=True)
"""


class Worker:
    """A program that uses libbearer, step by step."""

    def __init__(self, programs, bearerd):
        library = programs.libraries / "libbearer.so.0"
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, library, bearerd.socket], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | preloaded(library))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        assert self._process.wait(TIMEOUT) == 0
        self._process.stdout.close()

    def does(self, step):
        """What it returned: 0, or nothing where there is nothing to be said."""
        self._process.stdin.write(step + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    @property
    def pid(self):
        return self._process.pid


def preloaded(library):
    """What a sanitized library needs in a program that is not."""
    needed = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
    sanitizers = [line.split()[2] for line in needed.splitlines() if "san.so" in line]
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return {"LD_PRELOAD": " ".join(sanitizers), "ASAN_OPTIONS": options} if sanitizers else {}


def test_a_worker_has_a_token_as_long_as_it_has_a_reference(programs, bearerd, endpoint):
    with Worker(programs, bearerd) as worker:
        assert worker.does("open") == "0" and worker.does("get") == "0"
        token = Canary.of_token(endpoint.tokens[-1])
        assert found_in_process(token, worker.pid)
        assert worker.does("renew") == "0"
        newer = Canary.of_token(endpoint.tokens[-1])
        assert found_in_process(newer, worker.pid)
        worker.does("unref")
        assert found_in_process(token, worker.pid) == []
        worker.does("unref newer")
        assert found([token, newer], worker.pid) == {}
        worker.does("close")
        assert found([token, newer], worker.pid) == {}


def test_a_worker_keeps_a_token_until_there_is_a_newer_one_or_its_handle_is_closed(
        programs, broker, endpoint):
    bearerd = broker(start=False, **QUICK)
    bearerd.arguments += ["--epoch", bearerd.directory / "epoch"]
    bearerd.start()
    with Worker(programs, bearerd) as worker:
        assert worker.does("open") == "0" and worker.does("get") == "0"
        token = Canary.of_token(endpoint.tokens[-1])
        worker.does("unref")
        assert found_in_process(token, worker.pid)
        worker.does("get")
        until(lambda: worker.does("renew") == "0")
        newer = Canary.of_token(endpoint.tokens[-1])
        worker.does("unref")
        worker.does("unref newer")
        assert found_in_process(token, worker.pid) == []
        assert found_in_process(newer, worker.pid)
        worker.does("close")
        assert found([token, newer], worker.pid) == {}
