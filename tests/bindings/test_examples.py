# SPDX-License-Identifier: MIT
"""The examples and the recipes of docs/clients.md, as they stand there, against a stand-in of the API
that speaks HTTPS."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from canary import Canary, assert_free_of
from languages import EXAMPLES, LANGUAGES
from pace import FAST, SPACING

TARGET = "/v1/195900/appointments/open?departmentid=21&reasonid=-1"
WORKERS = [*LANGUAGES, "curl"]


@pytest.fixture(name="run")
def a_runner(languages, endpoint):
    """Runs an example, with a bearerd, to its end."""
    def run(worker, socket):
        command = ([EXAMPLES / "worker.sh"] if worker == "curl"
                   else languages.command(worker, EXAMPLES / "worker"))
        environment = languages.environment(endpoint.ca_file) | {
            "API_URL": endpoint.base_url, "BEARERD_SOCKET": str(socket)}
        return subprocess.run([*command, "21"], env=os.environ | environment, check=False, text=True,
                              capture_output=True, timeout=60)
    return run


def start(broker):
    bearerd = broker(**FAST)
    bearerd.wait_for_log("granted")
    time.sleep(SPACING)
    return bearerd


def used(endpoint):
    """The targets and tokens of the calls of the API."""
    assert {call.target for call in endpoint.api_requests} == {TARGET}
    return [call.header("Authorization").removeprefix("Bearer ") for call in endpoint.api_requests]


@pytest.mark.parametrize("worker", WORKERS)
def test_worker(broker, endpoint, run, worker):
    done = run(worker, start(broker).socket)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'the API answered 200: {"pong":"true"}\n'
    assert used(endpoint) == endpoint.tokens and len(endpoint.tokens) == 1


@pytest.mark.parametrize("worker", WORKERS)
def test_worker_whose_token_was_revoked(broker, endpoint, run, worker):
    bearerd = start(broker)
    endpoint.revoke_all()
    done = run(worker, bearerd.socket)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'the API answered 200: {"pong":"true"}\n'
    assert used(endpoint) == endpoint.tokens and len(endpoint.tokens) == 2


@pytest.mark.parametrize("worker", WORKERS)
def test_worker_whose_api_refuses_good_tokens(broker, endpoint, run, worker):
    bearerd = start(broker)
    endpoint.behave(401, on="api")
    done = run(worker, bearerd.socket)
    assert done.returncode == 1 and "the API answered 401" in done.stdout
    done = run(worker, bearerd.socket)
    assert done.returncode == 1 and "the API answered 401" in done.stdout
    assert used(endpoint) == [*endpoint.tokens, endpoint.tokens[1]] and len(endpoint.tokens) == 2
    assert_free_of([Canary.of_token(token) for token in endpoint.tokens], done.stdout, done.stderr)


@pytest.mark.parametrize("worker", WORKERS)
def test_worker_without_a_token(broker, endpoint, run, worker):
    endpoint.behave(401)
    done = run(worker, broker().socket)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("worker: ")
    assert endpoint.api_requests == []


def test_a_bridge_for_what_speaks_tcp_alone(broker, endpoint):
    bearerd = start(broker)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork",
                           f"UNIX-CONNECT:{bearerd.socket}"]) as bridge:
        done = subprocess.run(["curl", "-sS", "--retry", "20", "--retry-connrefused", "--retry-delay",
                               "1", "--user", "athena:nonsense", "--data",
                               "grant_type=client_credentials",
                               f"http://127.0.0.1:{port}/oauth2/v1/token"], check=False, text=True,
                              capture_output=True, timeout=60)
        bridge.terminate()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["access_token"] == endpoint.tokens[0]


@pytest.mark.parametrize("library", ["authlib", "requests-oauthlib"])
def test_an_oauth_library_unchanged(broker, endpoint, languages, library):
    environment = languages.environment(endpoint.ca_file) | {
        "API_URL": endpoint.base_url, "BEARERD_SOCKET": str(start(broker).socket)}
    done = subprocess.run([sys.executable, EXAMPLES / "oauth_library.py", library, "21"], check=False,
                          env=os.environ | environment, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'the API answered 200: {"pong":"true"}\n'
    assert used(endpoint) == endpoint.tokens and len(endpoint.tokens) == 1
