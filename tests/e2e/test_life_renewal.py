# SPDX-License-Identifier: MIT
"""Renewals that workers ask for, `after` an API call refused the token."""

import time

import pytest

from pace import FAST, SPACING, until

def first_generation(bearerd):
    """Of a token that may be renewed now, as far as its spacing goes."""
    generation = bearerd.get("/v1/token").body["generation"]
    time.sleep(SPACING + 0.02)
    return generation


def test_refused_token_is_renewed_once_for_20_who_ask_at_once(broker, endpoint):
    bearerd = broker(**FAST)
    refused = first_generation(bearerd)
    endpoint.next(delay=0.5)
    workers = [bearerd.begin(f"/v1/token?after={refused}") for _ in range(20)]
    bearerd.wait_for_waiting(20)
    assert bearerd.get("/v1/token").body["generation"] == refused      # who did not ask goes on
    answers = [worker.answered() for worker in workers]
    assert {each.status for each in answers} == {200}
    assert {each.body["access_token"] for each in answers} == {endpoint.tokens[1]}
    assert all(each.body["generation"] > refused for each in answers)
    assert bearerd.get(f"/v1/token?after={refused}").body == bearerd.get("/v1/token").body
    assert len(endpoint.token_requests) == 2
    for worker in workers:
        worker.close()


def test_second_renewal_within_the_pause_is_refused(broker, endpoint):
    bearerd = broker(**FAST)
    renewed = bearerd.get(f"/v1/token?after={first_generation(bearerd)}").body["generation"]
    time.sleep(SPACING + 0.02)
    answered = bearerd.get(f"/v1/token?after={renewed}")
    assert (answered.status, answered.body["error"]) == (429, "slow_down")
    assert 55 <= int(answered.headers["Retry-After"]) <= 60
    assert "permissions" in answered.body["error_description"]
    assert bearerd.get("/v1/token").body["generation"] == renewed
    assert len(endpoint.token_requests) == 2


def test_pause_doubles_while_refusals_go_on(broker, endpoint):
    bearerd = broker(**FAST, renewal_pause="300ms")
    refused = first_generation(bearerd)
    for n in range(2, 5):
        answered = until(lambda: (found := bearerd.get(f"/v1/token?after={refused}")).status == 200
                         and found)
        refused = answered.body["generation"]
        assert len(endpoint.token_requests) == n
    _, second, third, fourth = [each.time for each in endpoint.token_requests]
    assert third - second >= 0.3
    assert fourth - third >= 0.6


def test_new_token_is_no_newer_than_its_spacing_allows(broker, endpoint):
    bearerd = broker()
    generation = bearerd.get("/v1/token").body["generation"]
    answered = bearerd.get(f"/v1/token?after={generation}")
    assert (answered.status, answered.body["error"]) == (429, "slow_down")
    assert 25 <= int(answered.headers["Retry-After"]) <= 30
    assert len(endpoint.token_requests) == 1


@pytest.mark.parametrize("above", [1, 1000, "most"])
def test_after_above_the_present_generation_is_as_absent(broker, endpoint, above):
    bearerd = broker(**FAST)
    generation = first_generation(bearerd)
    after = 2**64 - 1 if above == "most" else generation + above
    answered = bearerd.get(f"/v1/token?after={after}")
    assert (answered.status, answered.body["generation"]) == (200, generation)
    assert len(endpoint.token_requests) == 1


def test_failed_renewal_leaves_the_token_to_others(broker, endpoint):
    bearerd = broker(**FAST)
    refused = first_generation(bearerd)
    endpoint.behave(500)
    worker = bearerd.begin(f"/v1/token?after={refused}&wait=1")
    assert bearerd.get("/v1/token").body["generation"] == refused
    assert worker.answered().status == 503
    worker.close()
    endpoint.normal()
    answered = until(lambda: (found := bearerd.get(f"/v1/token?after={refused}")).status == 200
                     and found)
    assert answered.body["access_token"] == endpoint.tokens[1]


def test_refused_renewal_is_told_to_who_waits_for_it(broker, endpoint):
    bearerd = broker(**FAST)
    refused = first_generation(bearerd)
    endpoint.behave(401)
    answered = bearerd.get(f"/v1/token?after={refused}")
    assert (answered.status, answered.body["error"]) == (429, "slow_down")
    assert 55 <= int(answered.headers["Retry-After"]) <= 60
    assert bearerd.get("/v1/token").body["generation"] == refused
