# SPDX-License-Identifier: MIT
"""Each binding that follows its token: with a real bearerd, which says how many streams there are, and
how many requests it has answered."""

import os
import signal
import subprocess
import sys
import time

import operators
import pytest
from eventstream import EventStream
from languages import CLIENT, CLOSING, FORKING, good
from pace import FAST, SPACING, until

AGE = 0.15          # the max_age of these tests
PACE = 0.005        # between two calls
NOTICED = 5         # seconds, on a busy machine
FOLLOWED_MAX = 16
O_CLOEXEC = 0o2000000


@pytest.fixture(name="operator")
def an_operator(broker):
    return operators.start(broker(start=False, **FAST))


def answers(operator, name="athena"):
    """How many requests bearerd has answered about that token."""
    return sum(operator.token(name)["counters"]["replies"].values())


def streams(operator, name="athena"):
    return operator.token(name)["streams"]


def asks_nothing(operator, one, asked=None, name="athena"):
    """Whether ONE asks for its token often, for longer than a token that is not followed is used, and
    bearerd is not asked."""
    before, end = answers(operator, name), time.monotonic() + 3 * AGE
    while time.monotonic() < end:
        one.token(name=asked)
        time.sleep(PACE)
    return answers(operator, name) == before


def follow(operator, one, asked=None, name="athena"):
    """Until ONE follows the token; that one."""
    one.token(name=asked)
    time.sleep(AGE)
    until(lambda: one.token(name=asked) and streams(operator, name) == 1)
    until(lambda: asks_nothing(operator, one, asked, name))
    return one.token(name=asked)


def sockets(pid):
    """{its descriptor: whether exec closes it}"""
    found = {}
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith("socket:"):
            with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii") as info:
                flags = next(line for line in info if line.startswith("flags:"))
            found[descriptor] = bool(int(flags.split()[1], 8) & O_CLOEXEC)
    return found


# Who follows.

def test_who_asks_for_a_moment_follows_nothing(operator, driver):
    one = driver(operator.bearerd.socket)
    for _ in range(20):
        one.token()
    assert streams(operator) == 0
    assert operator.status()["counters"]["connections_accepted"] == 1


def test_who_goes_on_asking_follows_and_asks_no_more(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one)
    assert answers(operator) <= 3 and streams(operator) == 1
    assert one.token() == first
    assert all(asks_nothing(operator, one) for _ in range(3))


def test_a_token_is_followed_by_its_name(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one, "athena")
    operator.refresh()
    until(lambda: one.token(name="athena")["generation"] > first["generation"])


def test_without_cache_nothing_is_followed(operator, driver):
    one = driver(operator.bearerd.socket, max_age=0)
    for _ in range(5):
        one.token()
        time.sleep(0.05)
    assert (answers(operator), streams(operator)) == (5, 0)


def test_many_tokens(broker, driver):
    names = [f"t{i}" for i in range(FOLLOWED_MAX + 4)]
    settings = {"requests_per_minute": 600}
    operator = operators.start(broker(start=False, tokens={name: settings for name in names}))
    one = driver(operator.bearerd.socket, max_age=AGE)

    def count():
        for name in names:
            assert one.token(name=name)["name"] == name
        return sum(each["streams"] for each in operator.status()["tokens"])

    assert until(lambda: (n := count()) >= FOLLOWED_MAX and n) == FOLLOWED_MAX
    before = {name: answers(operator, name) for name in names}
    time.sleep(AGE)
    assert [count() for _ in range(5)] == [FOLLOWED_MAX] * 5
    asked = [name for name in names if answers(operator, name) > before[name]]
    assert len(asked) == len(names) - FOLLOWED_MAX


def test_who_is_asked_for_no_more_gives_up_its_place(broker, driver):
    names = [f"t{i}" for i in range(FOLLOWED_MAX + 1)]
    operator = operators.start(broker(start=False, tokens={name: FAST for name in names}))
    one = driver(operator.bearerd.socket, max_age=AGE)

    def followed(asked):
        for name in asked:
            one.token(name=name)
        return sum(streams(operator, name) for name in asked)

    *before, last = names
    assert until(lambda: followed(before) == FOLLOWED_MAX)
    time.sleep(SPACING)
    for name in before:
        operator.refresh(name)
    until(lambda: all(operator.token(name)["renewals"] > 1 for name in before))
    assert until(lambda: followed([last]) == 1)


# What is noticed at once: of a token that is followed, age tells nothing.

def test_another_ones_renewal(operator, endpoint, driver):
    one, other = driver(operator.bearerd.socket, max_age=AGE), driver(operator.bearerd.socket)
    first = follow(operator, one)
    assert other.token() == first
    time.sleep(SPACING)
    newer = good(other("renew"))
    assert until(lambda: (token := one.token()) != first and token, timeout=NOTICED) == newer
    until(lambda: streams(operator) == 1)
    assert until(lambda: asks_nothing(operator, one))
    assert len(endpoint.tokens) == 2


def test_one_renewal_after_the_other(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    known = follow(operator, one)
    for _ in range(5):
        time.sleep(SPACING)
        operator.refresh()
        newer = until(lambda: (token := one.token()) != known and token, timeout=NOTICED)
        assert newer["generation"] > known["generation"]
        known = newer


def test_ones_own_renewal(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one, "athena")
    time.sleep(SPACING)
    newer = good(one("renew"))
    assert newer["generation"] > first["generation"]
    assert one.token(name="athena") == newer
    until(lambda: streams(operator) == 1)
    assert until(lambda: asks_nothing(operator, one, "athena"))


def test_a_permission_that_is_taken_away(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    follow(operator, one)
    bearerd = operator.bearerd
    bearerd.config["token athena"]["allow_users"] = "nobody"
    bearerd.write_config()
    bearerd.reload()
    until(lambda: one("get").get("error") == "Forbidden", timeout=NOTICED)
    assert streams(operator) == 0


def test_another_default_token(broker, driver):
    bearerd = broker(start=False, tokens={"athena": {"default": "yes"}, "other": {}}, **FAST)
    operator = operators.start(bearerd)
    one = driver(bearerd.socket, max_age=AGE)
    assert follow(operator, one)["name"] == "athena"
    bearerd.config["token athena"]["default"] = None
    bearerd.config["token other"]["default"] = "yes"
    bearerd.write_config()
    bearerd.reload()
    until(lambda: one.token()["name"] == "other", timeout=NOTICED)


def test_a_restart(operator, endpoint, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one)
    for end in (operator.bearerd.stop, operator.bearerd.kill):
        end()
        operator.bearerd.start()
        assert until(lambda: one.token()["value"] == endpoint.tokens[-1], timeout=NOTICED)
        until(lambda: one.token() and streams(operator) == 1)
        assert until(lambda: asks_nothing(operator, one))
    assert one.token() != first


def test_a_stop(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    follow(operator, one)
    operator.bearerd.stop()
    assert until(lambda: one("get").get("error"), timeout=10) == "Unreachable"


# Where it cannot be followed.

def test_a_stream_that_is_refused(broker, driver):
    bearerd = broker(start=False, broker={"user_waiting": 1}, **FAST)
    operator = operators.start(bearerd)
    with EventStream(bearerd.socket) as holder:
        assert holder.event()
        one = driver(bearerd.socket, max_age=AGE)
        first, accepted = one.token(), operator.status()["counters"]["connections_accepted"]
        start = time.monotonic()
        while time.monotonic() < start + 4 * AGE:
            assert one.token() == first
            time.sleep(PACE)
        # Each time that it is asked by age: the question, and the try to follow.
        tried = operator.status()["counters"]["connections_accepted"] - accepted
        assert 4 <= tried <= 2 * ((time.monotonic() - start) / AGE + 1)
        operator.refresh()
        until(lambda: one.token()["generation"] > first["generation"])
    follow(operator, one)


# Whose connection it is.

@pytest.mark.parametrize("language", FORKING)
def test_a_child_forgets_what_its_parent_follows(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one)
    before = answers(operator)
    family = one("child")
    try:
        assert family["got"] == first and answers(operator) == before + 1
        assert len(family["own"]) == 1 and family["sockets"] == []
        assert asks_nothing(operator, one) and streams(operator) == 1
    finally:
        os.kill(family["pid"], signal.SIGKILL)
    assert asks_nothing(operator, one) and streams(operator) == 1


@pytest.mark.parametrize("language", FORKING)
def test_a_child_keeps_nothing_open(operator, driver):
    """It has a copy, which it does not know of."""
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one)
    child = one("idle_child")["pid"]
    try:
        operator.refresh()
        until(lambda: one.token() != first and streams(operator) == 1)
        for _ in range(3):
            assert streams(operator) == 1
        assert one.close() == 0
        until(lambda: streams(operator) == 0)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("language", CLOSING)
def test_no_program_inherits_it(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    follow(operator, one)
    found = sockets(one.pid)
    assert found and all(found.values())


# The end.

@pytest.mark.parametrize("language", CLOSING)
def test_close(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    first = follow(operator, one)
    closed = one("close")
    assert closed.get("ended", 1) == 1
    until(lambda: streams(operator) == 0)
    before, start = answers(operator), time.monotonic()
    while time.monotonic() < start + 3 * AGE:
        assert one.token() == first
        time.sleep(PACE)
    assert answers(operator) >= before + 2 and streams(operator) == 0
    one("close")


@pytest.mark.parametrize("language", ["go"])
def test_goroutines_end(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    before = one("goroutines")
    known = follow(operator, one)
    assert one("goroutines") == before + 1
    for _ in range(5):
        time.sleep(SPACING)
        operator.refresh()
        known = until(lambda: (token := one.token()) != known and token)
    until(lambda: streams(operator) == 1)
    until(lambda: one("goroutines") == before + 1)
    one("close")
    assert one("goroutines") == before


def test_a_program_that_follows_ends(operator, driver):
    one = driver(operator.bearerd.socket, max_age=AGE)
    follow(operator, one)
    start = time.monotonic()
    assert one.close() == 0
    assert time.monotonic() - start < 5
    until(lambda: streams(operator) == 0)


@pytest.mark.parametrize("language", ["python"])
@pytest.mark.parametrize("end", ["", "tokens.close()", "del tokens", "tokens.__exit__(None)",
                                 "sys.exit()", "import os; os.fork() or tokens.get()"])
def test_nothing_is_said_of_what_is_left_open(operator, languages, language, end):
    program = f"""
import sys, time, bearer
tokens = bearer.Bearer({str(operator.bearerd.socket)!r}, max_age=0.1)
for _ in range(5):
    tokens.get()
    time.sleep(0.1)
{end}
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program], check=False,
                          env=os.environ | languages.environment(), text=True, capture_output=True,
                          timeout=60, cwd=CLIENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert operator.status()["counters"]["connections_accepted"] >= 3
