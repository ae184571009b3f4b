# SPDX-License-Identifier: MIT
"""docs/migrating.md: its code and its commands, as they stand there, with a real bearerd and a stand-in of
the API. What it does as root is in README.md, too (tests/readme)."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from languages import ROOT
from pace import FAST, SPACING, TIMEOUT, until

PAGE = (ROOT / "docs/migrating.md").read_text()
BEFORE, AFTER = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
EXEC, WRITE = re.findall(r"`(bearerctl (?:exec|write) [^`]+)`", PAGE)


@pytest.fixture(name="bearerd")
def a_bearerd(broker):
    """Its token may be renewed."""
    bearerd = broker(**FAST)
    bearerd.wait_for_log("granted")
    time.sleep(SPACING)
    return bearerd


@pytest.fixture(name="run")
def a_runner(bearerd, endpoint, languages):
    """What a program in Python says, in JSON."""
    def run(program):
        environment = languages.environment(endpoint.ca_file) | {"BEARERD_SOCKET": str(bearerd.socket)}
        done = subprocess.run([sys.executable, "-c", program], env=os.environ | environment, check=False,
                              text=True, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)
    return run


@pytest.mark.parametrize("befalls, status, n_tokens", [
    (lambda endpoint: None, 200, 1), (lambda endpoint: endpoint.revoke_all(), 200, 2),
    (lambda endpoint: endpoint.behave(401, on="api"), 401, 2)], ids=["nothing", "revoked", "refused"])
def test_code_after(endpoint, run, befalls, status, n_tokens):
    befalls(endpoint)
    assert run(f"""{AFTER}
import json
API = {endpoint.base_url!r}
print(json.dumps([call("/v1/195900/ping").status_code for _ in range(2)]))
""") == [status] * 2
    used = [each.header("Authorization").removeprefix("Bearer ") for each in endpoint.api_requests]
    assert list(dict.fromkeys(used)) == endpoint.tokens and len(endpoint.tokens) == n_tokens


def test_code_before_that_asks_bearerd(endpoint, bearerd, run):
    assert run(f"""
import json, os, requests, requests_unixsocket, time
URL = "http+unix://{quote(str(bearerd.socket), safe="")}/oauth2/v1/token"
SCOPE = "athena/service/Athenanet.MDP.*"
os.environ |= {{"CLIENT_ID": "athena", "CLIENT_SECRET": "nonsense"}}
requests_unixsocket.monkeypatch()
{BEFORE}
print(json.dumps([token(), token()]))
""") == endpoint.tokens * 2


@pytest.fixture(name="ctl")
def a_bearerctl(programs, bearerd, tmp_path):
    """Starts a COMMAND of the page, in a directory that has a worker."""
    (tmp_path / "worker").write_text('#!/bin/sh\necho "$BEARER_TOKEN"\n')
    (tmp_path / "worker").chmod(0o755)

    started = []

    def start(command):
        started.append(subprocess.Popen([programs.bearerctl, *shlex.split(command)[1:]], cwd=tmp_path,
                                        env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket)},
                                        text=True, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def test_a_program_that_reads_its_environment(endpoint, ctl):
    process = ctl(EXEC)
    assert process.communicate(timeout=TIMEOUT)[0] == endpoint.tokens[0] + "\n"
    assert process.returncode == 0


def test_a_program_that_reads_a_file(endpoint, ctl, tmp_path):
    ctl(WRITE)
    file = tmp_path / WRITE.split()[-1]
    until(file.exists)
    assert file.read_text().strip() == endpoint.tokens[0]
