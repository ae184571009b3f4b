# SPDX-License-Identifier: MIT
"""The life of a token, as workers see it: asked for, shared, renewed, and given up in time."""

import base64
import time

import pytest

from broker import Broker
from pace import FAST, until
from standin import Standin
from workers import Workers, assert_good

YOUNG = 30          # seconds; a token younger than that meets any min_valid
EXPIRED = "there is no valid token any more"


@pytest.fixture(name="aged", scope="module", autouse=True)
def an_aged_token(programs, tmp_path_factory):
    """A bearerd and its endpoint, whose token grows old while the other tests here run."""
    directory = tmp_path_factory.mktemp("aged")
    with Standin(directory / "endpoint") as endpoint:
        bearerd = Broker(programs, directory / "broker", endpoint, {})
        bearerd.add_token("athena", **{**FAST, "retry_min": "1s", "retry_max": "1s"})
        bearerd.start()
        bearerd.get("/v1/token")
        yield bearerd, endpoint, time.monotonic()
        assert bearerd.finish() == []
        assert endpoint.unexpected == []


def test_one_request_at_start_and_its_form(broker, endpoint):
    bearerd = broker()
    answered = bearerd.get("/v1/token")
    (request,) = endpoint.requests
    pair = f"{endpoint.client_id}:{endpoint.client_secret}".encode()
    assert (request.method, request.target, request.version, request.decision) == (
        "POST", "/oauth2/v1/token", "HTTP/1.1", "correct")
    assert request.body == "grant_type=client_credentials&scope=athena%2Fservice%2FAthenanet.MDP.*"
    headers = {name.lower(): value for name, value in request.headers}
    assert len(headers) == len(request.headers)
    assert headers.pop("user-agent", "bearerd").startswith("bearerd")
    assert headers == {
        "host": f"localhost:{endpoint.port}",
        "authorization": "Basic " + base64.b64encode(pair).decode(),
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(request.body)),
    }
    assert answered.status == 200
    assert answered.headers["Cache-Control"] == "no-store"
    generation, expires_at = answered.body["generation"], answered.body["expires_at"]
    assert generation > 0
    assert abs(expires_at - time.time() - 3600) < 20
    assert 3580 <= answered.body["expires_in"] <= 3600
    assert answered.body == {
        "access_token": endpoint.tokens[0], "token_type": "Bearer",
        "expires_in": answered.body["expires_in"], "expires_at": expires_at,
        "name": "athena", "generation": generation, "practice_id": "195900",
        "served_for": answered.body["expires_in"] - 60}


def test_200_workers_that_start_at_once_cause_one_request(broker, endpoint):
    endpoint.behave(delay=2)
    bearerd = broker()
    workers = [bearerd.begin("/v1/token") for _ in range(200)]
    bearerd.wait_for_waiting(200)
    assert endpoint.wait_for_requests(1, timeout=20) == 1
    answers = [worker.answered() for worker in workers]
    assert {answer.status for answer in answers} == {200}
    assert {answer.body["access_token"] for answer in answers} == set(endpoint.tokens)
    assert len(endpoint.requests) == 1
    for worker in workers:
        worker.close()


def test_refreshed_before_expiry_over_several_renewals(broker, endpoint):
    life = 3
    endpoint.behave(expires_in=life)
    bearerd = broker(**FAST)
    with Workers(bearerd, 4) as workers:
        endpoint.wait_for_requests(4, timeout=20, ended=True)
        until(lambda: bearerd.shown()["renewals"] >= 4)
    assert_good(workers.all_answers, endpoint, life * 0.9)
    for answers in workers.answers:
        generations = [each.generation for each in answers]
        assert generations == sorted(generations)
    tokens = {each.generation: each.token for each in workers.all_answers}
    assert len(tokens) >= 3
    assert len(set(tokens.values())) == len(tokens)
    times = [each.time for each in endpoint.token_requests]
    # From life * (1 - 1/4 - 1/20) on; how long after it depends on the machine.
    assert min(after - before for before, after in zip(times, times[1:])) > life * 0.7 - 0.1
    assert endpoint.most_at_once() == 1


def test_outage_of_240_s_is_noticed_by_no_worker(broker, endpoint):
    """The design's numbers over 84: a life of 420 s * 4 is the shortest that has a full
    refresh_ahead; the outage begins with the first attempt to renew."""
    scale = 84
    life = 420 * 4 / scale
    endpoint.next(expires_in=int(life))
    endpoint.next(500)
    bearerd = broker(refresh_ahead=f"{420_000 // scale}ms", floor=f"{60_000 // scale}ms",
                     retry_min="100ms", retry_max=f"{60_000 // scale}ms",
                     requests_per_minute=4 * scale, min_renewal_interval="300ms")
    with Workers(bearerd, 3) as workers:
        endpoint.wait_for_requests(2, timeout=life)
        endpoint.behave(500)
        time.sleep(240 / scale)         # this is the outage
        endpoint.normal()
        until(lambda: bearerd.shown()["renewals"] == 2)
    assert EXPIRED not in bearerd.log()
    assert_good(workers.all_answers, endpoint, life - 60 / scale)
    assert len({each.generation for each in workers.all_answers}) == 2
    assert len([each for each in endpoint.token_requests if each.status == 500]) >= 3
    assert "nothing to do, it is tried again; " in bearerd.log()
    assert "granted again" in bearerd.log()


def test_never_handed_out_below_its_floor(broker, endpoint):
    life, floor = 6, 0.6
    endpoint.behave(expires_in=life)
    bearerd = broker(**FAST, floor="1min")
    bearerd.get("/v1/token")
    endpoint.stop()
    answers = []
    with bearerd.connect() as worker:
        while not answers or answers[-1][1].status == 200:
            answers.append((time.monotonic(), worker.get("/v1/token?wait=1")))
            time.sleep(0.005)
    *good, (_, refused) = answers
    (request,) = endpoint.token_requests
    assert all(asked < request.time + life - floor for asked, _ in good)
    assert good[-1][0] > request.time + life - floor - 0.5     # and not given up early
    assert (refused.status, refused.body["error"]) == (503, "temporarily_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert EXPIRED in bearerd.log()
    endpoint.start()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[1]


def test_young_token_meets_any_min_valid(broker, endpoint):
    bearerd = broker()
    generation = bearerd.get("/v1/token").body["generation"]
    assert bearerd.get("/v1/token?min_valid=999999").body["generation"] == generation
    assert len(endpoint.token_requests) == 1


def test_min_valid_renews_or_gets_the_token_that_there_is(aged):
    bearerd, endpoint, born = aged
    time.sleep(max(0, born + YOUNG + 0.1 - time.monotonic()))
    old = bearerd.get("/v1/token").body["generation"]
    assert bearerd.get("/v1/token?min_valid=3500").body["generation"] == old
    assert len(endpoint.token_requests) == 1

    endpoint.next(500)
    assert bearerd.get("/v1/token?min_valid=3600").body["generation"] == old
    assert bearerd.get("/v1/token?min_valid=3600").body["generation"] == old   # backoff forbids
    assert len(endpoint.token_requests) == 2

    new = until(lambda: (found := bearerd.get("/v1/token?min_valid=3600")).body["generation"] > old
                and found)
    assert new.body["access_token"] == endpoint.tokens[1]
    assert new.body["expires_in"] >= 3580
    assert len(endpoint.token_requests) == 3
