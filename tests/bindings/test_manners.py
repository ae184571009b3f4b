# SPDX-License-Identifier: MIT
"""Each binding with a real bearerd: what docs/clients.md says of all of them."""

import time

import operators
import pytest
import slowfetch
from languages import CANCELING, CONCURRENT, FORKING, ZERO, good
from pace import FAST, SPACING, until

PATIENCE = 2        # with a bearerd that restarts


@pytest.fixture(name="operator")
def an_operator(broker):
    """Of a bearerd that counts what it answers."""
    return operators.start(broker(start=False, **FAST))


def answers(operator, name="athena"):
    """How many requests bearerd has answered about that token."""
    return sum(operator.token(name)["counters"]["replies"].values())


def wait_for_renewal(bearerd):
    """Until a token may be renewed."""
    bearerd.wait_for_log("granted")
    time.sleep(SPACING)


# Which token.

def test_a_token_with_all_that_is_known_of_it(broker, endpoint, driver):
    endpoint.behave(members={"scope": '"a b"'})
    bearerd = broker()
    expected = bearerd.get("/v1/token").body
    token = driver(bearerd.socket).token()
    assert token == {"value": endpoint.tokens[0], "name": "athena", "practice_id": "195900",
                     "generation": expected["generation"], "expires_at": expected["expires_at"],
                     "scope": "a b"}


def test_a_token_by_its_name(broker, endpoint, driver):
    bearerd = broker(requests_per_minute=600, tokens={"alpha": {}, "beta": {"practice_id": "1"}})
    one = driver(bearerd.socket)
    alpha, beta = one.token(name="alpha"), one.token(name="beta")
    assert (alpha["name"], beta["name"], beta["practice_id"]) == ("alpha", "beta", "1")
    assert {alpha["value"], beta["value"]} == set(endpoint.tokens)
    assert one.token(name="alpha") == alpha
    answer = one("get")
    assert (answer["error"], answer["passing"]) == ("Invalid", False)


def test_socket_is_in_the_environment(broker, driver):
    bearerd = broker()
    for variable in (str(bearerd.socket), f"unix://{bearerd.socket}"):
        good(driver(environment={"BEARERD_SOCKET": variable})("get"))
    good(driver(f"unix://{bearerd.socket}", environment={"BEARERD_SOCKET": "/nowhere"})("get"))
    for default in ({"BEARERD_SOCKET": ""}, {}):
        answer = driver(environment=default)("get")
        assert answer["error"] == "Unreachable" and "/run/bearerd/token.sock" in answer["text"]


@pytest.mark.parametrize("address", ["unix:", "unix:x", "unix://x", "/" + "x" * 107])
def test_what_is_no_address_of_a_socket(driver, address):
    assert driver(address).opened["error"] == "Invalid"
    assert "error" not in driver("/" + "x" * 106).opened


@pytest.mark.parametrize("name", ["A", "-a", "a/b", "a?after=1", "a b", "a\n", "a" * 33, "ä"])
def test_what_is_no_name_is_not_asked_for(driver, name):
    assert driver("/nowhere").error(name=name) == "Invalid"


# The cache.

def test_a_cached_token_is_not_asked_for(operator, driver):
    one = driver(operator.bearerd.socket)
    first = one.token()
    assert [one.token() for _ in range(20)] == [first] * 20
    assert answers(operator) == 1


def test_without_cache_each_get_asks(operator, driver):
    one = driver(operator.bearerd.socket, max_age=0)
    tokens = [one.token() for _ in range(3)]
    assert len({each["generation"] for each in tokens}) == 1
    assert answers(operator) == 3


def test_another_ones_renewal_is_noticed_in_time(operator, driver):
    one = driver(operator.bearerd.socket, max_age=0.5)
    first = one.token()
    wait_for_renewal(operator.bearerd)
    operator.refresh()
    newer = until(lambda: (token := one.token()) != first and token)
    assert newer["generation"] > first["generation"]


def test_a_permission_that_is_taken_away_is_noticed_in_time(broker, driver):
    bearerd = broker(requests_per_minute=600)
    one = driver(bearerd.socket, max_age=0.5)
    one.token()
    bearerd.config["token athena"]["allow_users"] = "nobody"
    bearerd.write_config()
    bearerd.reload()
    until(lambda: one("get").get("error") == "Forbidden")


# After a 401.

def test_renewal(operator, endpoint, driver):
    one = driver(operator.bearerd.socket)
    first = one.token()
    wait_for_renewal(operator.bearerd)
    newer = good(one("renew"))
    assert newer["generation"] > first["generation"]
    assert newer["value"] == endpoint.tokens[1]
    assert one.token(name="athena") == newer
    assert answers(operator) == 2


def test_a_renewed_token_is_fresh(operator, endpoint, driver):
    one = driver(operator.bearerd.socket)
    one.token()
    wait_for_renewal(operator.bearerd)
    newer = good(one("renew"))
    answer = one("renew")
    assert (answer["error"], answer["passing"]) == ("Fresh", False)
    assert 0 < answer["retry_after"] <= 60
    assert one.token(name="athena") == newer
    assert len(endpoint.tokens) == 2


def test_workers_share_one_renewal(operator, endpoint, driver):
    workers = [driver(operator.bearerd.socket) for _ in range(3)]
    assert len({each.token()["generation"] for each in workers}) == 1
    wait_for_renewal(operator.bearerd)
    for each in workers:
        each.begin("renew")
    assert len({good(each.answer())["generation"] for each in workers}) == 1
    assert len(endpoint.tokens) == 2


# Refusals.

def test_denied(broker, endpoint, driver):
    endpoint.behave(401)
    answer = driver(broker().socket)("get")
    assert (answer["error"], answer["passing"]) == ("Denied", False)
    assert "invalid_client" in answer["text"] or "credentials" in answer["text"]


@pytest.mark.parametrize("language", ZERO)
def test_only_what_there_is(broker, endpoint, driver):
    endpoint.behave(500)
    bearerd = broker()
    bearerd.wait_for_log("no token this time")
    answer, seconds = driver(bearerd.socket).timed("get", timeout=0)
    assert (answer["error"], answer["passing"]) == ("Unavailable", True)
    assert answer["retry_after"] > 0 and seconds < 5


def test_unknown(broker, driver):
    answer = driver(broker().socket)("get", name="nope")
    assert (answer["error"], answer["passing"]) == ("Unknown", False)


def test_forbidden(broker, driver):
    answer = driver(broker(allow_users="nobody").socket)("get")
    assert (answer["error"], answer["passing"]) == ("Forbidden", False)


def test_busy(broker, driver):
    bearerd = broker(broker={"user_connections": 1})
    with bearerd.connect() as connection:
        connection.request("GET", "/v1/token", headers={"Content-Length": "1"})
        until(lambda: driver(bearerd.socket)("get").get("error") == "Busy")


# A bearerd that is not there.

def test_no_socket(broker, driver):
    bearerd = broker(start=False)
    one = driver(bearerd.socket)
    answer, seconds = one.timed("get")
    assert (answer["error"], answer["errno"], answer["passing"]) == ("Unreachable", 2, True)
    assert str(bearerd.socket) in answer["text"] and seconds < PATIENCE
    bearerd.start()
    one.token()


def test_nobody_listens(broker, driver):
    bearerd = broker()
    bearerd.kill()
    answer, seconds = driver(bearerd.socket).timed("get")
    assert (answer["error"], answer["errno"], answer["passing"]) == ("Unreachable", 111, True)
    assert seconds < PATIENCE


def test_a_restart_in_mid_wait_is_waited_for(broker, endpoint, driver):
    bearerd = slowfetch.start(broker, endpoint)
    one = driver(bearerd.socket)
    one.begin("get")
    slowfetch.wait_for_waiting(bearerd, 1)
    bearerd.stop()
    assert not bearerd.socket.exists()
    time.sleep(0.3)
    bearerd.start()
    assert good(one.answer())["value"] == endpoint.tokens[-1]


def test_a_restart_between_two_calls_is_waited_for(broker, endpoint, driver):
    bearerd = broker(requests_per_minute=600)
    one = driver(bearerd.socket, max_age=0)
    one.token()
    bearerd.kill()
    one.begin("get")
    time.sleep(0.3)
    bearerd.start()
    assert good(one.answer())["value"] == endpoint.tokens[1]


def test_a_stop_is_not_waited_for_again_and_again(broker, driver):
    bearerd = broker()
    one = driver(bearerd.socket, max_age=0)
    one.token()
    bearerd.stop()
    answer, seconds = one.timed("get")
    assert (answer["error"], answer["errno"]) == ("Unreachable", 2)
    assert PATIENCE * 0.9 < seconds
    answer, seconds = one.timed("get")
    assert (answer["error"], answer["errno"]) == ("Unreachable", 2)
    assert seconds < PATIENCE * 0.9


def test_a_cached_token_outlives_a_stop(broker, driver):
    bearerd = broker()
    one = driver(bearerd.socket, max_age=60)
    first = one.token()
    bearerd.stop()
    assert one.token() == first


def test_timeout_is_kept(broker, endpoint, driver):
    bearerd = slowfetch.start(broker, endpoint)
    answer, seconds = driver(bearerd.socket).timed("get", timeout=1.5)
    assert (answer["error"], answer["passing"]) == ("Timeout", True)
    assert 1.4 < seconds < 5
    slowfetch.end(bearerd)


@pytest.mark.parametrize("language", ZERO)
@pytest.mark.parametrize("timeout", [-1, -0.001])
def test_what_is_no_timeout(driver, timeout):
    assert driver("/nowhere").error(timeout=timeout) == "ValueError"


# Many at once.

@pytest.mark.parametrize("language", CONCURRENT)
def test_those_who_ask_at_the_same_time_share_one_request(operator, driver):
    one = driver(operator.bearerd.socket)
    tokens = [good(each) for each in one("together", n=50)]
    assert len({each["generation"] for each in tokens}) == 1
    assert answers(operator) == 1


@pytest.mark.parametrize("language", CONCURRENT)
def test_those_who_wait_share_one_request(broker, endpoint, driver):
    bearerd = slowfetch.start(broker, endpoint)
    one = driver(bearerd.socket)
    one.begin("together", n=50)
    slowfetch.wait_for_waiting(bearerd, 1)
    time.sleep(0.3)
    slowfetch.wait_for_waiting(bearerd, 1)
    slowfetch.end(bearerd)
    assert {good(each)["value"] for each in one.answer()} == {endpoint.tokens[-1]}


@pytest.mark.parametrize("language", CONCURRENT)
def test_those_who_were_refused_share_one_renewal(operator, endpoint, driver):
    one = driver(operator.bearerd.socket)
    one.token()
    wait_for_renewal(operator.bearerd)
    tokens = [good(each) for each in one("together", n=50, what="renew")]
    assert {each["value"] for each in tokens} == {endpoint.tokens[1]}
    assert answers(operator) == 2


@pytest.mark.parametrize("language", CONCURRENT)
def test_patience_is_each_ones_own(broker, endpoint, driver):
    bearerd = slowfetch.start(broker, endpoint)
    one = driver(bearerd.socket)
    one.begin("beside", timeout=1)
    time.sleep(1.5)
    slowfetch.end(bearerd)
    impatient, patient = one.answer()
    assert impatient["error"] == "Timeout"
    assert good(patient)["value"] == endpoint.tokens[-1]


@pytest.mark.parametrize("language", CANCELING)
def test_who_gives_up_ends_their_own_wait_alone(broker, endpoint, language, driver):
    bearerd = slowfetch.start(broker, endpoint)
    one = driver(bearerd.socket)
    one.begin("canceled")
    time.sleep(0.7)
    slowfetch.end(bearerd)
    canceled, patient = one.answer()
    assert (canceled["error"], canceled["text"]) == {
        "go": ("other", "context canceled"),
        "node": ("AbortError", "This operation was aborted")}[language]
    assert good(patient)["value"] == endpoint.tokens[-1]


# Fork.

@pytest.mark.parametrize("language", FORKING)
def test_a_child_asks_for_itself(operator, driver):
    one = driver(operator.bearerd.socket)
    first = one.token()
    child, parent = one("fork")
    assert child == parent == first
    assert answers(operator) == 2


@pytest.mark.parametrize("language", ["python"])
def test_a_fork_while_a_thread_is_asking(broker, endpoint, driver):
    bearerd = broker(requests_per_minute=600, tokens={"athena": {"default": "yes"}})
    one = driver(bearerd.socket)
    first = one.token()
    endpoint.behave("stall")
    bearerd.add_token("slow", practice_id="2")
    bearerd.write_config()
    bearerd.reload()
    one.begin("fork")
    child, parent = one.answer()
    assert child == parent == first
    endpoint.normal()
    slowfetch.end(bearerd)


# Secrets.

def test_a_token_is_not_shown(broker, endpoint, driver):
    one = driver(broker().socket)
    one.token()
    shown = one("shown")
    assert len(shown) >= 8 and any("athena" in text for text in shown)
    value = endpoint.tokens[0]
    parts = [value, value[:40], value[-40:], value.encode().hex()[:40]]
    assert [text for text in shown if any(part in text for part in parts)] == []
