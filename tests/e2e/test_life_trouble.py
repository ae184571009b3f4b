# SPDX-License-Identifier: MIT
"""A token endpoint that refuses, fails, hangs or asks for patience, and local trouble."""

import time

import pytest

from pace import FAST, until

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def use_wrong_secret(bearerd, name="athena"):
    """Writes another secret than the endpoint knows; returns how to mend that."""
    path = bearerd.directory / f"{name}.client_secret"
    right = path.read_text()
    path.write_text("not-the-secret-of-the-client")
    return lambda: path.write_text(right)


def assert_denied(answered, status, error):
    assert (answered.status, answered.body["error"]) == (502, "upstream_denied")
    assert answered.body["upstream_status"] == status
    assert answered.body["upstream_error"] == error


def assert_unavailable(answered, upstream_status=None):
    assert (answered.status, answered.body["error"]) == (503, "temporarily_unavailable")
    assert int(answered.headers["Retry-After"]) >= 1
    assert answered.body.get("upstream_status") == upstream_status


# Refusals.

def test_wrong_secret_at_start_is_told_until_reload(broker, endpoint):
    bearerd = broker(**FAST, start=False)
    mend = use_wrong_secret(bearerd)
    bearerd.start()
    assert_denied(bearerd.get("/v1/token"), 401, "invalid_client")     # waited for the attempt
    assert_denied(bearerd.get("/v1/token?wait=60"), 401, "invalid_client")      # at once
    assert len(endpoint.token_requests) == 1
    bearerd.wait_for_log(rf"<3>.*refuses \(HTTP 401 invalid_client: check client_id, .*\); next "
                         rf"try at {TIME} or at reload; .* refused \(502\)")
    bearerd.wait_for_status(rf"athena: no valid token, next try at {TIME}; last: HTTP 401 "
                            r"invalid_client: check client_id, client_secret")
    mend()
    bearerd.reload()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    bearerd.wait_for_log("granted again")
    bearerd.wait_for_status("athena: valid until")
    assert len(endpoint.token_requests) == 2


def test_mended_secret_is_noticed_without_a_reload(broker, endpoint):
    bearerd = broker(**FAST, denied_min="1s", start=False)
    mend = use_wrong_secret(bearerd)
    bearerd.start()
    assert_denied(bearerd.get("/v1/token"), 401, "invalid_client")
    mend()
    until(lambda: bearerd.get("/v1/token").status == 200)
    first, second = endpoint.token_requests
    assert second.time - first.ended >= 1


def test_pause_after_refusals_doubles(broker, endpoint):
    endpoint.behave("403-empty")
    bearerd = broker(**FAST, denied_min="300ms", denied_max="600ms")
    endpoint.wait_for_requests(4, timeout=20)
    times = [each.time for each in endpoint.token_requests]
    for after, before, pause in zip(times[1:], times, (0.3, 0.6, 0.6)):
        assert after - before >= pause
    bearerd.wait_for_log(r"refuses \(HTTP 403 with an empty body: check client_id, ")
    assert bearerd.get("/v1/token").body["upstream_status"] == 403


@pytest.mark.parametrize("status, error", [(401, "invalid_client"), (403, "access_denied")])
def test_refused_renewal_leaves_the_token_until_its_floor(broker, endpoint, status, error):
    life = 3
    endpoint.next(expires_in=life)
    endpoint.next(status, count=10)
    bearerd = broker(**FAST)
    answers = []
    with bearerd.connect() as worker:
        while not answers or answers[-1][1].status == 200:
            answers.append((time.monotonic(), worker.get("/v1/token")))
            time.sleep(0.005)
    granted, refused = endpoint.token_requests
    *good, (_, last) = answers
    assert good[-1][0] > refused.ended
    assert good[-1][0] < granted.time + life * 0.9
    assert_denied(last, status, error)
    bearerd.wait_for_log(rf"refuses \(HTTP {status} {error}.* served the present token until {TIME}")
    bearerd.wait_for_log(f"no valid token any more, next try at {TIME}; last: HTTP {status}")


def test_certificate_that_does_not_verify_is_a_refusal(broker, endpoint):
    endpoint.use_certificate("untrusted")
    bearerd = broker(**FAST)
    answered = bearerd.get("/v1/token")
    assert (answered.status, answered.body["error"]) == (502, "upstream_denied")
    bearerd.wait_for_log(r"refuses \(.*: check token_url and tls_ca_file\)")
    assert endpoint.requests == []
    endpoint.use_certificate("good")
    bearerd.reload()
    assert bearerd.get("/v1/token").status == 200


# What passes.

@pytest.mark.parametrize("what, told, pause", [
    (429, {"retry_after": 1}, 1),
    (429, {"retry_after_date": 2}, 1),      # a date has whole seconds
    (503, {"retry_after": 1}, 1),
])
def test_no_request_before_retry_after(broker, endpoint, what, told, pause):
    endpoint.next(what, **told)
    bearerd = broker(**FAST)
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    first, second = endpoint.token_requests
    assert second.time - first.ended >= pause


def test_retry_after_is_handed_on_to_workers(broker, endpoint):
    endpoint.behave(429, retry_after=600)
    bearerd = broker(**FAST)
    answered = bearerd.get("/v1/token?wait=1")
    assert_unavailable(answered, 429)
    assert 595 <= int(answered.headers["Retry-After"]) <= 600
    assert len(endpoint.token_requests) == 1


def test_500_is_retried_for_who_waits(broker, endpoint):
    endpoint.next(500, count=2)
    bearerd = broker(**FAST)
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
    assert [each.status for each in endpoint.token_requests] == [500, 500, 200]
    bearerd.wait_for_log(rf"<4>.*no token this time \(HTTP 500 server_error: nothing to do, it is "
                         rf"tried again.*\); next try at {TIME}; .* no valid token: workers wait")


def test_wait_ends_with_503_while_the_endpoint_fails(broker, endpoint):
    endpoint.behave(500)
    bearerd = broker(**FAST)
    asked = time.monotonic()
    assert_unavailable(bearerd.get("/v1/token?wait=1"), 500)
    assert 1 <= time.monotonic() - asked < 3
    bearerd.wait_for_status("athena: no valid token, .*; last: HTTP 500")


def test_wait_0_is_answered_at_once(broker, endpoint):
    endpoint.behave("stall")
    bearerd = broker()
    assert bearerd.get("/v1/token?wait=0").status == 504
    endpoint.stop()


def test_wait_ends_with_504_while_the_endpoint_hangs(broker, endpoint):
    endpoint.behave("stall")
    bearerd = broker()
    answered = bearerd.get("/v1/token?wait=1")
    assert (answered.status, answered.body["error"]) == (504, "timeout")
    assert len(endpoint.token_requests) == 1


def test_hung_endpoint_is_given_up_at_the_timeout(broker, endpoint):
    endpoint.next("stall")
    bearerd = broker(**FAST, timeout="1s", connect_timeout="1s")
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[1]
    first, second = endpoint.token_requests
    assert 0.9 < second.time - first.time < 4


@pytest.mark.parametrize("what", ["reset", "close", "truncated", "oversized", "500-html",
                                  {"body": "{}"}, {"expires_in": 0}, {"expires_in": "1e9"}])
def test_answer_that_is_no_token_is_tried_again(broker, endpoint, what):
    endpoint.next(**(what if isinstance(what, dict) else {"what": what}))
    bearerd = broker(**FAST)
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[-1]
    assert len(endpoint.token_requests) == 2
    assert bearerd.log().count("no token this time") == 1


# The budget.

def test_budget_limits_requests_whatever_workers_and_reloads_want(broker, endpoint):
    endpoint.behave(500)
    bearerd = broker(retry_min="100ms", retry_max="100ms", requests_per_minute=2)
    endpoint.wait_for_requests(1, timeout=20, ended=True)
    workers = [bearerd.begin("/v1/token?wait=2") for _ in range(10)]
    for _ in range(5):
        bearerd.reload()
    for worker in workers:
        assert_unavailable(worker.answered(), 500)
        worker.close()
    assert len(endpoint.token_requests) == 1


def test_budget_is_shared_by_tokens_of_one_client(broker, endpoint):
    endpoint.behave(500)
    client_id = endpoint.client_id
    broker(tokens={"a": {"client_id": client_id}, "b": {"client_id": client_id}},
           retry_min="100ms", retry_max="100ms", requests_per_minute=60)
    endpoint.wait_for_requests(4, timeout=20)
    assert endpoint.most_within(0.9) == 1


def test_what_was_not_sent_costs_no_budget(broker, endpoint):
    endpoint.stop()
    bearerd = broker(retry_min="100ms", retry_max="100ms", requests_per_minute=2)
    bearerd.wait_for_log("no token this time")
    endpoint.start()
    bearerd.reload()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]


# Local trouble.

@pytest.mark.parametrize("harm, mend, said", [
    (lambda path: path.rename(f"{path}.away"),
     lambda path: path.with_name(f"{path.name}.away").rename(path), "cannot be read"),
    (lambda path: path.chmod(0o644), lambda path: path.chmod(0o600), "0644.*chmod 600"),
])
def test_unreadable_secret_is_said_and_noticed_when_mended(broker, endpoint, harm, mend, said):
    bearerd = broker(**FAST, start=False)
    path = bearerd.directory / "athena.client_secret"
    harm(path)
    bearerd.start()
    bearerd.wait_for_log(f"<3>.*token athena: nothing was sent: .*{path}.*{said}.*; looked at again "
                         f"at {TIME} and at reload; there is no valid token: workers wait")
    bearerd.wait_for_status(f"athena: no valid token, next try at {TIME}; last: .*{path}")
    assert_unavailable(bearerd.get("/v1/token?wait=1"))
    assert endpoint.records("token", "connection") == []
    mend(path)
    bearerd.reload()
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
