# SPDX-License-Identifier: MIT
"""What ./quickstart runs: it shows what it says, leaves nothing behind, and fails if it does not."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from standin import CLIENT_ID, CLIENT_SECRET, Standin

SHOW = Path(__file__).parent.parent / "quickstart/show.py"
TIMEOUT = 150       # for what takes 35 seconds: sanitizers and a busy machine are slow


class Performance:
    """The show as a process, without a terminal. Its temporary directories are in DIRECTORY."""

    def __init__(self, build, directory, **variables):
        self.directory = directory
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("BEARERD_")}
        self.process = subprocess.Popen(
            [sys.executable, SHOW, "--build", build], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**environment, "TMPDIR": str(directory), **variables})

    def end(self):
        """Exit status and output, whose lines are joined: it is wrapped."""
        try:
            output, _ = self.process.communicate(timeout=TIMEOUT)
        finally:
            self.process.kill()
        print(output)       # shown by pytest if something failed
        self.require_nothing_left()
        assert "Traceback" not in output
        return self.process.returncode, " ".join(output.split())

    def require_nothing_left(self):
        assert list(self.directory.iterdir()) == []
        mine = f"TMPDIR={self.directory}\0".encode()
        left = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ")
                if mine in read(path)]
        assert left == []


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""      # it has ended, or is somebody else's


def credentials(endpoint, secret=CLIENT_SECRET):
    """The environment of a show with a provider, which is the stand-in all the same."""
    return {"BEARERD_CLIENT_ID": CLIENT_ID, "BEARERD_CLIENT_SECRET": secret,
            "BEARERD_TOKEN_URL": endpoint.token_url, "BEARERD_TLS_CA_FILE": str(endpoint.ca_file)}


@pytest.fixture
def build():
    return Path(os.environ["BEARERD_BUILD"]).resolve()


@pytest.fixture
def stage(tmp_path):
    directory = tmp_path / "t"
    directory.mkdir()
    return directory


def test_show_with_standin_and_with_provider(programs, build, tmp_path, stage, endpoint):
    """Both at once: each takes half a minute, most of it waiting for a token's age."""
    elsewhere = tmp_path / "p"
    elsewhere.mkdir()
    with_standin = Performance(build, stage)
    with_provider = Performance(build, elsewhere, **credentials(endpoint))
    try:
        require_standin_show(*with_standin.end())
        require_provider_show(*with_provider.end(), endpoint)
    finally:
        with_standin.process.terminate()
        with_provider.process.terminate()


def require_standin_show(status, output):
    assert status == 0
    assert re.search(r"8 workers got \d+ answers with one token \(fingerprint [0-9a-f]{8}\); "
                     r"1 request reached the endpoint", output)
    assert re.search(r"\d+ answers meanwhile, 0 refused; 1 more request reached", output)
    n_500 = int(re.search(r"(\d+) requests got 500 in .* 0 refused, the slowest", output)[1])
    assert "all 8 workers read HTTP 502 upstream_denied" in output
    assert "the token endpoint refuses" in output and "check client_id" in output
    total = re.search(r"requests that reached the endpoint (\d+): 4 granted, (\d+) got 500, "
                      r"1 got 401", output)
    assert n_500 >= 3 and int(total[2]) >= n_500
    assert int(total[1]) == int(total[2]) + 5
    answers = re.search(r"answers with a token (\d+) API calls with it (\d+), all accepted", output)
    assert int(answers[1]) > 500 and int(answers[2]) > 500
    assert CLIENT_SECRET not in output and "eyJ" not in output


def require_provider_show(status, output, endpoint):
    assert status == 0
    assert re.search(r"8 workers got \d+ answers with one token", output)
    assert re.search(r"generation \d+ -> \d+ \(.*\): all 8 workers have it, 0 refused", output)
    assert "tokens that the endpoint granted 2" in output
    assert len(endpoint.token_requests) == 2
    assert "An outage and a refusal cannot be made there" in output
    assert CLIENT_SECRET not in output
    assert not any(part in output for token in endpoint.tokens for part in token.split("."))


def test_refusing_provider_is_told_in_words(programs, build, stage, endpoint):
    show = Performance(build, stage, **credentials(endpoint, secret="not/the-secret"))
    status, output = show.end()
    assert status == 1
    assert "FAILED there is no token: HTTP 401, invalid_client" in output
    assert "not/the-secret" not in output


def test_missing_credential_is_told_in_words(programs, build, stage):
    status, output = Performance(build, stage, BEARERD_CLIENT_ID="someone").end()
    assert status == 1
    assert "BEARERD_CLIENT_SECRET" in output


def test_fails_if_no_token_comes(programs, build, tmp_path, stage):
    broken = tmp_path / "broken"
    (broken / "daemon/fetch").mkdir(parents=True)
    (broken / "daemon/bearerd").symlink_to(build / "daemon/bearerd")
    fetch = broken / "daemon/fetch/bearerd-fetch"
    fetch.write_text("#!/bin/sh\nexit 1\n")
    fetch.chmod(0o755)
    status, output = Performance(broken, stage).end()
    assert status == 1
    assert "FAILED there is no token" in output


@pytest.mark.parametrize("number, expected", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_leaves_nothing_behind_when_interrupted(programs, build, stage, number, expected):
    show = Performance(build, stage)
    for line in show.process.stdout:
        if line.startswith("2."):
            break
    show.process.send_signal(number)
    status, _ = show.end()
    assert status == expected
