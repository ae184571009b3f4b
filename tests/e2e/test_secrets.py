# SPDX-License-Identifier: MIT
"""The client secret and the tokens: looked for wherever they could come out."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from account import NOBODY, needs_root

TIMEOUT = 20
MEMORY_MAX = 1 << 28
QUICK = {"requests_per_minute": 600, "retry_min": "100ms", "retry_max": "100ms",
         "denied_min": "100ms", "denied_max": "100ms", "min_renewal_interval": "100ms"}
BAD_DAY = ["400", "invalid-scope", "401", "401-empty", "echo-secret", "403", "403-empty", "408",
           "500", "500-detailed", "500-html", "503", "302", "oversized", "reset", "close",
           "truncated"]


def forms(value):
    """How a secret may look when it gets out."""
    data = value.encode()
    return {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1],
            base64.b64encode(data).decode().rstrip("="),
            base64.urlsafe_b64encode(data).decode().rstrip("="), data.hex()}


def secret_forms(endpoint):
    both = [f"{client_id}:{secret}" for encode in (str, quote_plus)
            for client_id, secret in [map(encode, (endpoint.client_id, endpoint.client_secret))]]
    return forms(endpoint.client_secret).union(*map(forms, both))


def token_forms(endpoint):
    # The end of one is enough: it cannot be there by chance.
    return set().union(*[forms(token) | {token[-40:]} for token in endpoint.tokens])


def assert_free_of(found, text):
    there = [each for each in found if each in text]
    assert not there, f"{there} in {text}"


def echoes(endpoint):
    """Answers that tell what an endpoint had better keep to itself, each in its own way."""
    secret, token = "@SECRET@", "@TOKEN@"
    encoded = quote_plus(endpoint.client_secret)
    return [
        {"what": 401, "body": f"<html>{secret} @AUTHORIZATION@</html>"},
        {"what": 400, "body": json.dumps({"error": "invalid_client",
                                          "error_description": f"{encoded} is wrong"})},
        {"what": 400, "body": f'{{"error":"{secret}"}}'},
        {"what": 403, "body": f'{{"error":"x","detailedmessage":"@AUTHORIZATION@ {encoded}"}}'},
        {"what": 500, "body": f"{secret}"},
        {"what": 302, "headers": {"Location": f"/?{encoded}"}},
        {"body": f'{{"access_token":"{token}","token_type":"mac","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","token_type":"{secret}","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","token_type":"Bearer","expires_in":"{secret}"}}'},
        {"body": f'{{"access_token":"{token} ","token_type":"Bearer","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","access_token":"{token}"}}'},
        {"body": f'{{"access_token":"{token}"'},
        {"raw": f"{secret} {token}\r\n\r\n"},
    ]


def test_nothing_of_them_is_said_in_a_whole_life(broker, endpoint):
    bearerd = broker(start=False, **QUICK)
    bad = [{"what": what} for what in BAD_DAY] + echoes(endpoint)
    for each in bad:
        endpoint.next(**each)
    bearerd.start()
    said = ""
    for number in range(1, len(bad) + 1):
        endpoint.wait_for_requests(number, TIMEOUT)
        said += str(bearerd.get("/v1/tokens").body)
    answered = bearerd.get("/v1/token")
    assert answered.body["access_token"] == endpoint.tokens[-1]
    bearerd.config["token athena"]["floor"] = "wrong"
    bearerd.write_config()
    bearerd.reload()
    bearerd.config["token athena"]["floor"] = "1s"
    bearerd.write_config()
    bearerd.reload()
    said += bearerd.log() + str(bearerd.notify) + str(bearerd.get("/v1/tokens").body)
    assert len(endpoint.token_requests) == len(bad) + 1
    assert bearerd.stop() == 0
    said += bearerd.log() + str(bearerd.notify)
    assert "READY" in said and "RELOADING" in said and "HTTP 403" in said
    assert_free_of(secret_forms(endpoint) | token_forms(endpoint), said)


def test_errors_to_workers_have_nothing_of_them(broker, endpoint):
    endpoint.behave("echo-secret")
    bearerd = broker()
    answered = bearerd.get("/v1/token")
    assert answered.status == 502
    listed = bearerd.get("/v1/tokens")
    assert_free_of(secret_forms(endpoint), str(answered.body) + str(listed.body))
    assert bearerd.stop() == 0
    assert_free_of(secret_forms(endpoint), bearerd.log())


def test_credentials_in_an_oauth_request_are_not_repeated(broker, endpoint):
    """Also not those that a worker sends though nobody asked for them."""
    bearerd = broker()
    with bearerd.connect() as connection:
        for form in ("grant_type=client_credentials&client_secret=worker-secret",
                     "grant_type=worker-secret", "worker-secret=1", "%"):
            answered = connection.ask(
                "POST", "/oauth2/v1/token?wait=1",
                {"Content-Type": "application/x-www-form-urlencoded",
                 "Authorization": "Basic " + base64.b64encode(b"id:worker-secret").decode()}, form)
            assert_free_of(forms("worker-secret"), str(answered.body))
    assert_free_of(forms("worker-secret"), bearerd.log() + str(bearerd.notify))


# Processes.

def read(pid, name):
    return Path(f"/proc/{pid}/{name}").read_bytes()


def command_lines():
    """Of all processes that there are."""
    found = b""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += read(pid, "cmdline")
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found.decode(errors="replace")


def test_command_lines_and_environments_have_nothing_of_them(broker, endpoint):
    bearerd = broker(**QUICK)
    generation = bearerd.get("/v1/token").body["generation"]
    endpoint.next("stall")
    time.sleep(0.1)     # min_renewal_interval
    with bearerd.connect() as connection:
        connection.request("GET", f"/v1/token?after={generation}")
        endpoint.wait_for_requests(2, TIMEOUT)
        fetchers = bearerd.wait_for_fetchers()
        said = command_lines()
        assert "bearerd-fetch" in said
        for pid in [bearerd.pid, *fetchers]:
            said += read(pid, "environ").decode(errors="replace")
        assert_free_of(secret_forms(endpoint) | token_forms(endpoint), said)
        os.kill(fetchers[0], signal.SIGKILL)
        assert connection.answered().status == 200


def test_no_core_file(broker, endpoint):
    endpoint.next("stall")
    bearerd = broker(start=False)
    bearerd.wrapper = ["prlimit", "--core=unlimited"]
    bearerd.start()
    endpoint.wait_for_requests(1, TIMEOUT)
    fetchers = bearerd.wait_for_fetchers()
    for pid in [bearerd.pid, *fetchers]:
        assert re.search(rb"^Max core file size +0 +0 ", read(pid, "limits"), re.MULTILINE)
    os.kill(fetchers[0], signal.SIGABRT)
    bearerd.wait_for_log("no token this time")
    bearerd.signal(signal.SIGABRT)
    assert bearerd.wait() == -signal.SIGABRT
    assert list(bearerd.directory.glob("*core*")) == []


def readable_memory(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            where, access = line.split()[:2]
            start, end = (int(each, 16) for each in where.split("-"))
            # The kernel's own pages, and a sanitizer's shadow: terabytes.
            if access[0] != "r" or "[v" in line or end - start > MEMORY_MAX:
                continue
            memory.seek(start)
            yield memory.read(end - start)


@needs_root
def test_bearerd_never_has_the_secret(broker, endpoint):
    for each in echoes(endpoint):
        endpoint.next(**each)
    bearerd = broker(**QUICK)
    endpoint.wait_for_requests(len(echoes(endpoint)) + 1, TIMEOUT)
    bearerd.wait_for_log("granted")
    found = b"".join(readable_memory(bearerd.pid))
    assert endpoint.tokens[-1].encode() in found        # so we do look at the right place
    there = [each for each in secret_forms(endpoint) if each.encode() in found]
    assert there == []


@pytest.fixture(name="public")
def a_directory_for_everybody():
    directory = Path(tempfile.mkdtemp(prefix="bearerd-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def as_nobody(command, directory, **more):
    return subprocess.Popen(command, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
                            cwd=directory, env={}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **more)


@needs_root
@pytest.mark.parametrize("program", ["bearerd", "fetch"])
def test_others_of_the_same_user_cannot_look_into_it(programs, public, program):
    config = public / "bearerd.conf"
    config.write_text("[token a]\ntoken_url = https://localhost:1/\nclient_id = env:A\n"
                      "client_secret = env:A\n")
    for path in (programs.bearerd, programs.fetch):
        shutil.copy(path, public)
    os.chown(public, NOBODY.pw_uid, NOBODY.pw_gid)
    ours, theirs = socket.socketpair()
    command = {"bearerd": ["./bearerd", "--config", config, "--socket", public / "sock",
                           "--fetch", public / "bearerd-fetch"],
               "fetch": ["./bearerd-fetch", "--config", config]}[program]
    with ours, theirs, as_nobody(command, public, stdin=theirs) as process:
        try:
            deadline = time.monotonic() + TIMEOUT
            while os.stat(f"/proc/{process.pid}/mem").st_uid != 0:      # not dumpable: root's
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            for name in ("mem", "environ", "maps"):
                with as_nobody(["cat", f"/proc/{process.pid}/{name}"], public) as look:
                    assert look.wait(TIMEOUT) != 0, name
        finally:
            process.kill()
