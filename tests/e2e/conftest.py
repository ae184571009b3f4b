# SPDX-License-Identifier: MIT
"""What the end-to-end tests stand on: the built programs, a token endpoint, a bearerd.

$BEARERD_BUILD names meson's build directory. A test asks for `broker` and calls it:

    def test_worker_gets_token(broker, endpoint):
        bearerd = broker(requests_per_minute=60)
        assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "standin"))

from broker import Broker  # noqa: E402
from standin import Standin  # noqa: E402

# A shell's background jobs have the first two ignored, and every program would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)    # nohup

Programs = namedtuple("Programs", "bearerd fetch bearerctl libraries are_sanitized")


def is_sanitized(program):
    linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return "libasan" in linked


@pytest.fixture(scope="session")
def programs():
    build = os.environ.get("BEARERD_BUILD")
    if not build:
        pytest.fail("set BEARERD_BUILD to meson's build directory")
    root = Path(build).resolve()
    found = [root / "daemon/bearerd", root / "daemon/fetch/bearerd-fetch",
             root / "client/bearerctl", root / "client"]
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        pytest.fail("not built: " + ", ".join(missing))
    return Programs(*found, is_sanitized(found[0]))


@pytest.fixture(autouse=True)
def the_clock_of_the_host(request):
    """Nobody sets it under a test: each bearerd there is would call in what workers keep, and another
    build may be tested at the same time."""
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if "set_clock" in request.fixturenames else fcntl.LOCK_SH)
        yield


@pytest.fixture
def set_clock():
    """Sets it to what it is."""
    return lambda: time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))


@pytest.fixture
def endpoint(tmp_path):
    """A token endpoint. Nothing may reach it that a good client would not send."""
    with Standin(tmp_path / "endpoint") as standin:
        yield standin
        assert standin.unexpected == []


@pytest.fixture
def broker(programs, endpoint, tmp_path):
    """Makes a Broker: one token by default, from `endpoint`. KEYS go to every token's section;
    TOKENS has them by token; BROKER those of [broker]. START false: the test will start it."""
    made = []

    def make(*, tokens=None, broker=None, environment=None, start=True, **keys):
        one = Broker(programs, tmp_path / f"broker{len(made)}", endpoint, environment or {})
        made.append(one)
        one.config["broker"] |= broker or {}
        for name, of_token in (tokens or {"athena": {}}).items():
            one.add_token(name, **{**keys, **of_token})
        if start:
            one.start()
        return one

    yield make
    wrong = []
    for one in made:
        wrong += one.finish()
        print(f"--- {one.log_file}\n{one.log()}")     # shown by pytest if something failed
    assert not wrong, "\n".join(wrong)
