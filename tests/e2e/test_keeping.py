# SPDX-License-Identifier: MIT
"""Workers keep tokens: with libbearer, for as long as the epoch that bearerd publishes says so."""

import errno
import time

import account
import pytest
from account import needs_root
from keeper import Keeper, given, start
from pace import FAST, until

FORBIDDEN, UNAVAILABLE, TIMEOUT = "error 6", "error 2", "error 3"
ROOM = 16       # SHELF_ROOM
GRACE = 10      # for a token of seconds to be over


@pytest.fixture(name="keeper")
def a_keeper(programs):
    """Makes a Keeper that asks the given bearerd; all of them end with the test."""
    made = []

    def make(bearerd):
        made.append(Keeper(programs, bearerd))
        return made[-1].__enter__()

    yield make
    for each in made:
        each.__exit__()


def test_what_is_kept_is_asked_for_once(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    assert [worker.get() for _ in range(9)] == [first] * 9
    assert given(operator) == 1


def test_a_name_and_the_default_are_kept_each(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    assert len({worker.get(*name) for name in ([], ["athena"], [], ["athena"])}) == 1
    assert given(operator) == 2


def test_no_token_of_another_name_is_taken_for_one(broker, keeper):
    bearerd = broker(start=False, tokens={"athena": {}, "athena2": {}})
    start(bearerd)
    worker = keeper(bearerd)
    for _ in range(2):
        assert worker.get("athena") == bearerd.shown("athena")["generation"]
        assert worker.get("athena2") == bearerd.shown("athena2")["generation"]
        assert worker.say("get") == "error 8"           # there is no default
        assert worker.say("get", "athen") == "error 7"
        assert worker.say("get", "") == "error 8"


@pytest.mark.parametrize("name", [[], ["athena"]])
def test_what_is_kept_costs_no_system_call_and_no_memory(broker, keeper, programs, name):
    bearerd = broker(start=False, **FAST)
    operator = start(bearerd)
    worker = keeper(bearerd)
    worker.get(*name)
    assert worker.say("silent", *name) == "ok"
    assert given(operator) == 1
    operator.refresh()
    until(lambda: operator.token()["renewals"] == 2)
    if not programs.are_sanitized:      # then system calls are not its own
        assert worker.say("silent", *name) == "killed by Bad system call"   # it had to ask


def test_a_new_token_is_noticed(broker, keeper):
    bearerd = broker(start=False, **FAST)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    for n in range(2, 5):
        operator.refresh()
        until(lambda: operator.token()["generation"] > first)
        second = worker.get()
        assert second == operator.token()["generation"] > first
        assert worker.get() == second
        assert given(operator) == n
        first = second
        until(lambda: not operator.token()["fetching"])
        time.sleep(0.1)         # min_renewal_interval


def test_a_renewed_token_is_kept(broker, keeper):
    bearerd = broker(start=False, **FAST)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    second = int(until(lambda: (said := worker.say("renew")).isdigit() and said))
    assert second > first
    before = given(operator)
    assert worker.get("athena") == second
    assert given(operator) == before


@needs_root
def test_a_permission_that_is_taken_away_is_missed_at_once(broker, keeper):
    bearerd = broker(start=False, allow_users="root")
    operator = start(bearerd)
    worker = keeper(bearerd)
    worker.get()
    bearerd.config["token athena"]["allow_users"] = account.NOBODY.pw_name
    bearerd.write_config()
    bearerd.reload()
    assert worker.say("get") == FORBIDDEN
    assert given(operator) == 1


def test_a_token_that_is_removed_is_missed_and_no_other_is_taken_for_it(broker, keeper):
    bearerd = broker(start=False, tokens={"athena": FAST, "other": FAST | {"default": "yes"}})
    start(bearerd)
    worker = keeper(bearerd)
    worker.get("athena")
    removed = bearerd.config.pop("token athena")
    bearerd.add_token("aaa", **FAST)    # which may get its slot
    bearerd.write_config()
    bearerd.reload()
    assert worker.say("get", "athena") == "error 7"
    bearerd.config["token athena"] = removed
    bearerd.write_config()
    bearerd.reload()
    assert worker.get("athena") == bearerd.shown("athena")["generation"]


def test_what_is_kept_outlives_a_crash_until_the_next_life(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    bearerd.kill()
    assert worker.get() == first
    bearerd.start()                     # which knows nothing of the one before
    assert worker.get() > first
    assert given(operator) == 1


def test_a_clean_stop_ends_all_keeping(broker, keeper):
    bearerd = broker(start=False)
    start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    assert bearerd.stop() == 0
    assert worker.say("get") in (f"error {-errno.ENOENT}", f"error {-errno.ECONNREFUSED}")
    bearerd.start()
    assert worker.get() > first


def test_nothing_is_kept_past_its_time(broker, endpoint, keeper):
    endpoint.behave(expires_in=3)
    bearerd = broker(start=False, **FAST)
    start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    bearerd.kill()
    answers = set()
    deadline = time.monotonic() + GRACE
    while (answer := worker.say("get")) == str(first):
        answers.add(answer)
        assert time.monotonic() < deadline, "it is kept for ever"
    assert answers == {str(first)}      # it was kept, at first


def test_while_there_is_none_nothing_is_kept(broker, endpoint, keeper):
    endpoint.behave(expires_in=3)
    bearerd = broker(start=False, **FAST)
    start(bearerd)
    worker = keeper(bearerd)
    worker.get()
    endpoint.behave("500")
    bearerd.wait_for_log("there is no valid token any more")
    assert worker.say("get") in (UNAVAILABLE, TIMEOUT)


@needs_root
def test_nothing_is_kept_when_the_clock_was_set(broker, keeper, set_clock):
    """As bearerd sees the way back from suspend."""
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    set_clock()
    until(lambda: worker.get() == first and given(operator) == 2)
    assert worker.get() == first
    assert given(operator) == 2


def test_nothing_that_expired_in_suspend_is_kept_until_bearerd_has_seen_it(broker, keeper):
    """The clocks of the worker alone go as in suspend: bearerd has nothing to say about it."""
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    assert worker.say("slept", "60") == "ok"
    assert worker.get() == first
    assert given(operator) == 1
    assert worker.say("slept", "3600") == "ok"
    assert worker.get() == first        # bearerd has not slept, and gives it again
    assert given(operator) == 2
    assert worker.get() == first
    assert given(operator) == 2


def test_a_clock_that_is_set_back_keeps_nothing_longer_than_it_was_kept(broker, endpoint, keeper):
    """No bearerd lives that could call it in."""
    life = 3600
    endpoint.behave(expires_in=life)
    bearerd = broker(start=False)
    start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    bearerd.kill()
    assert worker.get() == first
    assert worker.say("back", "60") == "ok"     # before it was got
    assert worker.say("get") == f"error {-errno.ECONNREFUSED}"
    assert worker.say("slept", "1000") == "ok"
    assert worker.get() == first
    assert worker.say("back", "900") == "ok"    # a while after it was got, and long after in truth
    assert worker.get() == first
    assert worker.say("slept", str(life)) == "ok"
    assert worker.say("get") == f"error {-errno.ECONNREFUSED}"


def test_children_have_what_was_kept(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    worker.get()
    assert worker.say("fork") == "ok"
    assert given(operator) == 1


def test_threads_keep_their_own_and_give_back_each_others(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    worker.get()
    for rounds in range(1, 4):
        assert worker.say("threads", "16") == "ok"
        assert given(operator) == 1 + 16 * rounds
    assert worker.say("fork") == "ok"


def test_a_thread_keeps_as_many_as_there_is_room_for(broker, keeper):
    names = [f"a{i}" for i in range(ROOM + 1)]
    bearerd = broker(start=False, tokens={name: {} for name in names}, requests_per_minute=600)
    operator = start(bearerd)
    for name in names:
        bearerd.get(f"/v1/tokens/{name}")

    def all_given():
        return sum(given(operator, name) for name in names)

    worker = keeper(bearerd)
    before = all_given()
    assert worker.say("many", str(ROOM)) == "ok"
    assert all_given() == before + ROOM
    assert worker.say("many", str(ROOM + 1)) == "ok"
    assert all_given() > before + ROOM
    assert worker.say("many", str(ROOM + 1)) == "ok"


def test_what_is_held_outlives_its_handle(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd)
    worker = keeper(bearerd)
    first = worker.get()
    assert worker.say("hold") == str(first)
    assert worker.get() == first
    assert given(operator) == 2         # another handle keeps nothing of the first one's


def test_without_a_file_of_epochs_nothing_is_kept(broker, keeper):
    bearerd = broker(start=False)
    operator = start(bearerd, epoch="/nonexistent/epoch")
    bearerd.wait_for_log("cannot publish epochs at /nonexistent/epoch: No such file")
    worker = keeper(bearerd)
    assert worker.get() == worker.get()
    assert given(operator) == 2


@pytest.mark.parametrize("spoil", [
    lambda path: path.unlink(),
    lambda path: path.chmod(0o666),
    lambda path: (path.rename(path.with_name("moved")), path.symlink_to(path.with_name("moved"))),
    lambda path: (path.unlink(), path.mkdir()),
    lambda path: (path.unlink(), path.write_bytes(b"bearerd1" + bytes(100))),
    lambda path: (path.unlink(), path.write_bytes(b"bearerd2" + bytes(64 + 8192 - 8))),
], ids=["gone", "writable", "link", "directory", "short", "version"])
def test_a_file_that_is_not_bearerds_is_not_believed(broker, keeper, spoil):
    bearerd = broker(start=False)
    operator = start(bearerd)
    spoil(bearerd.directory / "epoch")
    worker = keeper(bearerd)
    assert worker.get() == worker.get()
    assert given(operator) == 2
