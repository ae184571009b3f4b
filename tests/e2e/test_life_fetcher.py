# SPDX-License-Identifier: MIT
"""bearerd-fetch that is killed, hangs or talks nonsense: one attempt is lost, and no answer."""

import os
import signal
import time

import pytest

from pace import FAST, SPACING, until
from workers import Workers, assert_good


def use_fetch_program(bearerd, script):
    """SCRIPT instead of bearerd-fetch, which it finds as $FETCH. Its standard input is the socket,
    its output our log."""
    program = bearerd.directory / "fetch"
    real = bearerd.arguments[-1]
    program.write_text(f"#!/bin/sh\nFETCH={real}\n{script}\n")
    program.chmod(0o755)
    bearerd.arguments[-1] = program


def kill_fetcher(bearerd):
    """The one that runs; none is killed if it has just ended."""
    for pid in bearerd.fetchers():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("moment", [0, 0.003, 0.01, 0.02, 0.04, "request"])
def test_killed_while_renewing_costs_one_attempt_and_no_answer(broker, endpoint, moment):
    bearerd = broker(**FAST)
    with Workers(bearerd, 2) as workers:
        time.sleep(SPACING)     # no renewal comes sooner
        endpoint.next(delay=5 if moment == "request" else 0.5)
        bearerd.reload()        # which renews
        bearerd.wait_for_fetchers()
        if moment == "request":
            endpoint.wait_for_requests(2, timeout=20)
        else:
            time.sleep(moment)
        kill_fetcher(bearerd)
        bearerd.wait_for_log(r"no token this time \(bearerd-fetch ended without an answer\)")
        until(lambda: bearerd.shown()["renewals"] == 2)
    assert_good(workers.all_answers, endpoint, 3600)
    assert bearerd.log().count("no token this time") == 1
    assert len(endpoint.token_requests) in ([3] if moment == "request" else [2, 3])


@pytest.mark.parametrize("moment", ["start", "request"])
def test_killed_without_a_token_the_waiting_worker_gets_the_next_one(broker, endpoint, moment):
    endpoint.next(delay=5)
    bearerd = broker(**FAST)
    worker = bearerd.begin("/v1/token")
    if moment == "request":
        endpoint.wait_for_requests(1, timeout=20)
        bearerd.wait_for_waiting(1)
    else:
        endpoint.normal()
    kill_fetcher(bearerd)
    assert worker.answered().body["access_token"] == endpoint.tokens[-1]
    assert bearerd.log().count("no token this time") <= 1
    if moment == "request":
        assert len(endpoint.token_requests) == 2
    worker.close()


def test_hung_fetch_is_given_up(broker):
    timeout, margin = 1, 5
    bearerd = broker(**FAST, timeout=f"{timeout}s", connect_timeout="1s", start=False)
    use_fetch_program(bearerd, "exec sleep 60")
    bearerd.start()
    started = time.monotonic()
    (hung,) = bearerd.wait_for_fetchers()
    answered = bearerd.get("/v1/token?wait=1")
    assert (answered.status, answered.body["error"]) == (504, "timeout")
    bearerd.wait_for_log(r"no token this time \(no answer in time\)")
    assert timeout + margin - 0.5 < time.monotonic() - started < timeout + margin + 3
    until(lambda: hung not in bearerd.fetchers())
    answered = bearerd.get("/v1/token?wait=1")
    assert (answered.status, answered.body["error"]) == (503, "temporarily_unavailable")
    assert int(answered.headers["Retry-After"]) >= 1


def test_fetch_does_not_outlive_bearerd(broker):
    bearerd = broker(start=False)
    use_fetch_program(bearerd, "exec sleep 60")
    bearerd.start()
    (hung,) = bearerd.wait_for_fetchers()
    assert bearerd.stop() == 0
    until(lambda: not is_running(hung))


def is_running(pid):
    """A zombie is not: who adopts it may take its time."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


GRANT = r'{"kind":"granted","sent":true,"status":200'


@pytest.mark.parametrize("script, why", [
    ("echo junk >&0", "does not understand"),
    ("echo >&0", "does not understand"),
    ("printf '\\0\\377\\n' >&0", "does not understand"),
    ("echo '{}' >&0", "does not understand"),
    (f"echo '{GRANT}}}' >&0", "does not understand"),
    ("echo '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[' >&0", "does not understand"),
    ("head -c 32768 /dev/zero >&0", "too long"),
    ("head -c 1000000 /dev/zero >&0", "too long"),
    ("head -c 32767 /dev/zero >&0", "ended without an answer"),
    ("printf '{\"kind\":' >&0", "ended without an answer"),
    ("", "ended without an answer"),
    ("read name; exec 0>&-", "ended without an answer"),
    ("kill -SEGV $$", "ended without an answer"),
])
def test_nonsense_is_one_failed_attempt(broker, endpoint, script, why):
    bearerd = broker(**FAST, start=False)
    use_fetch_program(bearerd, f'mkdir first || exec "$FETCH" "$@"\n{script}\nexit 0')
    bearerd.start()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    assert f"{why}" in bearerd.wait_for_log(r"no token this time \((.*?)\)")[1]
    assert bearerd.log().count("no token this time") == 1
    assert len(endpoint.token_requests) == 1


def test_missing_fetch_program_is_said_and_noticed_when_mended(broker, endpoint):
    bearerd = broker(start=False)
    real, missing = bearerd.arguments[-1], bearerd.directory / "missing"
    bearerd.arguments[-1] = missing
    bearerd.start()
    bearerd.wait_for_log(rf"nothing was sent: cannot start {missing}: No such file or directory")
    missing.symlink_to(real)
    bearerd.reload()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
