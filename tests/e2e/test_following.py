# SPDX-License-Identifier: MIT
"""Who follows a token by libbearer's bearer_fd(), in an event loop, over all that becomes of
bearerd."""

import re
import time

import pytest
from following import Follower, generation, renew
from pace import FAST


@pytest.fixture(name="worker")
def a_worker(programs):
    return lambda bearerd, *arguments: Follower(
        bearerd, [programs.libraries.parent / "tests/e2e/test-follower", *arguments])


def told(line):
    found = re.fullmatch(r"told (\d+) got (\d+)", line)
    assert found, line
    assert found[1] == found[2]
    return int(found[1])


@pytest.mark.parametrize("name", [[], ["athena"]])
def test_worker_is_told_each_generation_and_gets_that_token(broker, worker, name):
    bearerd = broker(**FAST)
    with worker(bearerd, *name) as follower:
        assert told(follower.line()) == generation(bearerd)
        for _ in range(3):
            newer = renew(bearerd)
            assert told(follower.line()) == newer
        woken, idle = map(int, re.findall(r"\d+", follower.rest()))
    assert woken <= 4 + 2 and idle <= 2     # to connect, and for an answer without an event


def test_worker_that_keeps_tokens_gets_the_one_that_it_was_told_of(broker, worker):
    bearerd = broker(start=False, **FAST)
    bearerd.arguments += ["--epoch", bearerd.directory / "epoch"]
    bearerd.start()
    with worker(bearerd) as follower:
        assert told(follower.line()) == generation(bearerd)
        for _ in range(3):
            newer = renew(bearerd)
            assert told(follower.line()) == newer


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart_is_survived_and_nothing_is_missed(broker, worker, end):
    bearerd = broker(**FAST)
    with worker(bearerd) as follower:
        last = told(follower.line())
        for _ in range(3):
            getattr(bearerd, end)()
            time.sleep(0.5)
            bearerd.start()
            newer = told(follower.line())   # it remembers nothing, and asks for another one
            assert newer == generation(bearerd) > last
            last = newer
        rest = follower.rest()
    assert re.fullmatch(r"woken \d+ idle \d+\n", rest), rest    # no result on the way


def test_outage_is_told_and_waited_out_without_a_busy_loop(broker, worker):
    bearerd = broker(**FAST)
    with worker(bearerd) as follower:
        told(follower.line())
        bearerd.stop()
        assert follower.line() in ("result -2", "result -111")  # after two seconds: ENOENT, refused
        time.sleep(3)
        bearerd.start()
        lines = [follower.line()]
        while lines[-1].startswith("result "):
            lines.append(follower.line())
        assert told(lines[-1]) == generation(bearerd)
        assert int(re.search(r"woken (\d+)", follower.rest())[1]) < 40


def test_bearerd_may_come_later(broker, worker):
    bearerd = broker(start=False)
    with worker(bearerd) as follower:
        assert follower.line() == "result -2"
        bearerd.start()
        while (line := follower.line()).startswith("result "):
            pass
        assert told(line) == generation(bearerd)


def test_token_that_is_gone_is_told(broker, endpoint, worker):
    endpoint.behave(500)
    endpoint.next(expires_in=3)
    bearerd = broker(**FAST)
    with worker(bearerd) as follower:
        told(follower.line())
        assert follower.line() == "result 2"    # BEARER_E_UNAVAILABLE
        endpoint.normal()
        assert told(follower.line()) == generation(bearerd)


def test_refusal_is_told_and_asked_again(broker, worker):
    bearerd = broker(tokens={"other": {}}, **FAST)
    with worker(bearerd, "athena") as follower:
        assert follower.line() == "result 7"    # BEARER_E_UNKNOWN
        bearerd.add_token("athena", **FAST)
        bearerd.write_config()
        bearerd.reload()
        while (line := follower.line()) == "result 7":
            pass
        told(line)
