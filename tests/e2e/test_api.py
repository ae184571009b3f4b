# SPDX-License-Identifier: MIT
"""What workers ask for, and what they get: docs/protocol.md, row by row."""

import base64
import grp
import time

import account
import pytest
import slowfetch
from account import needs_root
from rawpeer import RawPeer, request

FORM = "application/x-www-form-urlencoded"
GRANT = "grant_type=client_credentials"
SCOPE = "athena/service/Athenanet.MDP.*"
OPEN = {"socket_mode": "0666"}


def post(bearerd, form, **headers):
    with bearerd.connect() as connection:
        return connection.ask("POST", "/oauth2/v1/token",
                              {"Content-Type": FORM} | headers, form)


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def two_tokens(broker, **keys):
    return broker(requests_per_minute=600, tokens={"alpha": keys, "beta": {}})


# A token.

def test_token_has_all_that_belongs_to_it(broker, endpoint):
    endpoint.behave(members={"scope": f'"{SCOPE}"'})
    answered = broker().get("/v1/tokens/athena")
    assert (answered.status, answered.headers["Content-Type"]) == (200, "application/json")
    body = answered.body
    assert 3590 <= body["expires_in"] <= 3600
    assert body["expires_in"] - 61 <= body.pop("served_for") <= body.pop("expires_in") - 60
    assert abs(body.pop("expires_at") - time.time() - 3600) < 10
    assert body.pop("generation") > 0
    assert body == {"access_token": endpoint.tokens[0], "token_type": "Bearer", "scope": SCOPE,
                    "name": "athena", "practice_id": "195900"}


def test_token_expires_at_one_time_whenever_it_is_asked(broker):
    bearerd = broker()
    end = time.monotonic() + 1.1    # through all fractions of a second, and of the token's own
    told = []
    while time.monotonic() < end:
        told.append(bearerd.get("/v1/token").body["expires_at"])
    # Two clocks are read, one after the other: it may be interrupted just there, but not often.
    assert len(told) - max(map(told.count, told)) <= 2


def test_what_is_not_known_is_left_out(broker):
    body = broker(practice_id=None).get("/v1/token").body
    assert "scope" not in body and "practice_id" not in body


def test_plain_text_is_the_bare_token(broker, endpoint):
    bearerd = broker()
    for path in ("/v1/token", "/v1/tokens/athena"):
        for accept in ("text/plain", "TEXT/PLAIN;q=1, application/json"):
            answered = bearerd.get(path, {"Accept": accept})
            assert answered.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert (answered.status, answered.body) == (200, endpoint.tokens[0] + "\n")


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/plain", "image/png", ""])
def test_otherwise_it_is_json(broker, accept):
    assert "access_token" in broker().get("/v1/token", {"Accept": accept}).body


def test_header_is_made_for_curl(broker, endpoint):
    bearerd = broker()
    for path in ("/v1/token/header", "/v1/tokens/athena/header"):
        answered = bearerd.get(path, {"Accept": "application/json"})
        assert (answered.status, answered.body) == (
            200, f"Authorization: Bearer {endpoint.tokens[0]}\n")


def test_all_get_the_same_token(broker, endpoint):
    bearerd = broker()
    assert {bearerd.get("/v1/token").body["access_token"] for _ in range(20)} == {
        endpoint.tokens[0]}
    assert len(endpoint.token_requests) == 1


# Which token.

def test_only_token_is_the_default_one(broker):
    assert broker().get("/v1/token").body["name"] == "athena"


def test_default_token_is_the_one_that_is_marked(broker):
    bearerd = two_tokens(broker, default="yes")
    assert bearerd.get("/v1/token").body["name"] == "alpha"
    assert bearerd.get("/v1/tokens/beta").body["name"] == "beta"


def test_no_token_is_the_default_one(broker):
    bearerd = two_tokens(broker)
    for path in ("/v1/token", "/v1/token/header"):
        answered = bearerd.get(path)
        assert (answered.status, answered.body["error"]) == (400, "invalid_request")
        assert "/v1/tokens/NAME" in answered.body["error_description"]


# A newer one.

def test_newer_token_is_fetched_once_then_it_is_fresh(broker, endpoint):
    bearerd = broker(requests_per_minute=600, min_renewal_interval="100ms")
    first = bearerd.get("/v1/token").body
    time.sleep(0.1)     # min_renewal_interval
    second = bearerd.get(f"/v1/token?after={first['generation']}").body
    assert second["generation"] > first["generation"]
    assert [first["access_token"], second["access_token"]] == endpoint.tokens
    third = bearerd.get(f"/v1/token?after={second['generation']}")
    assert (third.status, third.body["error"]) == (429, "slow_down")
    assert 1 <= int(third.headers["Retry-After"]) <= 60
    assert "permissions" in third.body["error_description"]
    assert bearerd.get(f"/v1/token?after={first['generation']}").body["generation"] == \
        second["generation"]


def test_generation_that_is_not_there_yet_counts_as_none(broker):
    bearerd = broker()
    generation = bearerd.get("/v1/token").body["generation"]
    for after in (generation + 1, 2**64 - 1, 0):
        assert bearerd.get(f"/v1/token?after={after}").body["generation"] == generation


def test_young_token_meets_any_min_valid(broker, endpoint):
    bearerd = broker()
    for path in ("/v1/token?min_valid=9999999999", "/v1/tokens/athena/header?min_valid=1&wait=1"):
        assert bearerd.get(path).status == 200
    assert len(endpoint.token_requests) == 1


# Waiting.

def test_wait_ends_when_it_was_told_to(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    for wait in (0, 1):
        start = time.monotonic()
        answered = bearerd.get(f"/v1/token?wait={wait}")
        assert wait <= time.monotonic() - start < wait + 5
        assert (answered.status, answered.body["error"]) == (504, "timeout")


def test_all_who_wait_get_the_token(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    peers = [RawPeer(bearerd.socket) for _ in range(10)]
    for peer in peers:
        peer.send(request("/v1/token"))
    slowfetch.wait_for_waiting(bearerd, len(peers))
    slowfetch.end(bearerd)
    assert {peer.answer().body["access_token"] for peer in peers} == {endpoint.tokens[-1]}
    for peer in peers:
        peer.close()


# The drop-in.

def test_oauth_request_works_unchanged(broker, endpoint):
    """As a worker sends it to athenahealth today."""
    bearerd = broker()
    answered = post(bearerd, "grant_type=client_credentials&scope=athena%2Fservice%2FAthenanet"
                    ".MDP.*", Authorization=basic(endpoint.client_id, endpoint.client_secret),
                    Host="api.preview.platform.athenahealth.com", Accept="application/json")
    assert (answered.status, answered.headers["Content-Type"]) == (200, "application/json")
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.body["access_token"] == endpoint.tokens[0]
    assert answered.body["token_type"] == "Bearer"
    assert answered.body["expires_in"] > 3000
    assert len(endpoint.token_requests) == 1


@pytest.mark.parametrize("form, headers, name", [
    (GRANT, {}, "alpha"),
    (GRANT + "&client_id=beta", {}, "beta"),
    ("client_id=%62eta&client_secret=x&" + GRANT, {}, "beta"),
    (GRANT + "&client_id=alpha", {"Authorization": basic("beta", "x")}, "alpha"),
    (GRANT, {"Authorization": basic("beta", "x")}, "beta"),
    (GRANT, {"Authorization": basic("beta", "with:colon")}, "beta"),
    (GRANT + "&client_id=nobody", {}, "alpha"),
    (GRANT, {"Authorization": basic("0oa-some-client", "x")}, "alpha"),
    (GRANT, {"Authorization": "Bearer beta"}, "alpha"),
    (GRANT, {"Content-Type": FORM + "; charset=UTF-8"}, "alpha"),
])
def test_client_id_selects_the_token(broker, form, headers, name):
    answered = post(two_tokens(broker, default="yes"), form, **headers)
    assert (answered.status, answered.body["name"]) == (200, name)


def test_oauth_request_without_a_default_token(broker):
    bearerd = two_tokens(broker)
    assert post(bearerd, GRANT).status == 400
    assert post(bearerd, GRANT + "&client_id=beta").body["name"] == "beta"


@pytest.mark.parametrize("form, headers, error", [
    ("", {}, "invalid_request"),
    ("scope=x", {}, "invalid_request"),
    ("grant_type=password&username=a", {}, "unsupported_grant_type"),
    (GRANT + "&" + GRANT, {}, "invalid_request"),
    (GRANT + "&client_id=a&client_id=b", {}, "invalid_request"),
    (GRANT + "&scope=%zz", {}, "invalid_request"),
    ('{"grant_type":"client_credentials"}', {"Content-Type": "application/json"},
     "invalid_request"),
])
def test_oauth_request_that_is_none(broker, form, headers, error):
    answered = post(broker(), form, **headers)
    assert (answered.status, answered.body["error"]) == (400, error)
    assert answered.body["error_description"]


# The list.

def test_list_has_no_values(broker, endpoint):
    bearerd = two_tokens(broker, default="yes")
    for name in ("alpha", "beta"):
        bearerd.get(f"/v1/tokens/{name}")
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/tokens"))
        answered = peer.answer()
    alpha, beta = answered.body["tokens"]
    assert (alpha["name"], alpha["is_default"]) == ("alpha", True)
    assert (beta["name"], beta["is_default"]) == ("beta", False)
    for each in (alpha, beta):
        assert (each["valid"], each["fetching"], each["failures"]) == (True, False, 0)
        assert each["renewals"] == 1
        assert 3500 < each["served_for"] < each["expires_in"] <= 3600
        assert 0 < each["next_attempt"] < each["served_for"]
    assert len(endpoint.tokens) == 2
    for token in endpoint.tokens:
        assert token not in str(answered.body)


def test_list_says_what_went_wrong(broker, endpoint):
    endpoint.behave(401)
    bearerd = broker()
    assert bearerd.get("/v1/token").status == 502
    token = bearerd.get("/v1/tokens").body["tokens"][0]
    assert (token["valid"], token["generation"], token["failures"]) == (False, 0, 1)
    assert token["last_error"]["kind"] == "denied"
    assert token["last_error"]["upstream_status"] == 401
    assert token["last_error"]["upstream_error"] == "invalid_client"


# Failures.

def test_denied_comes_at_once(broker, endpoint):
    endpoint.behave(401)
    answered = broker().get("/v1/token")
    assert (answered.status, answered.body["error"]) == (502, "upstream_denied")
    assert answered.body["upstream_status"] == 401
    assert answered.body["upstream_error"] == "invalid_client"


def test_failing_endpoint_is_told_at_the_end_of_the_wait(broker, endpoint):
    endpoint.behave(500)
    bearerd = broker()
    bearerd.wait_for_log("no token this time")
    answered = bearerd.get("/v1/token?wait=0")
    assert (answered.status, answered.body["error"]) == (503, "temporarily_unavailable")
    assert (answered.body["upstream_status"], answered.body["upstream_error"]) == (
        500, "server_error")
    assert int(answered.headers["Retry-After"]) >= 1


# What is not understood.

@pytest.mark.parametrize("query, why", [
    ("after=x", "after"), ("after=", "after"), ("after=-1", "after"),
    ("after=18446744073709551616", "after"), ("min_valid=1.5", "min_valid"),
    ("min_valid=10000000000", "min_valid"), ("wait=61", "wait"), ("wait=+1", "wait"),
    ("wait=1&wait=2", "twice"), ("colour=blue", '"colour" is no query parameter'),
    ("%61fter=1", "no query parameter"),
])
def test_query_that_is_not_understood(broker, query, why):
    bearerd = broker()
    for path in ("/v1/token", "/v1/tokens/athena/header"):
        answered = bearerd.get(f"{path}?{query}")
        assert (answered.status, answered.body["error"]) == (400, "invalid_request")
        assert why in answered.body["error_description"]


def test_list_takes_no_query(broker):
    assert broker().get("/v1/tokens?after=1").status == 400


@pytest.mark.parametrize("path, error", [
    ("/", "not_found"), ("/v1", "not_found"), ("/v1/token/", "not_found"),
    ("/v1/tokens/", "not_found"), ("/v1/tokens/Athena", "not_found"),
    ("/v1/tokens/athena/value", "not_found"), ("/v1/tokens/" + "a" * 33, "not_found"),
    ("/v1/tokens/%61thena", "not_found"), ("//v1/token", "not_found"),
    ("/v1/tokens/nope", "unknown_token"), ("/v1/tokens/nope/header", "unknown_token"),
    ("/v1/tokens/" + "a" * 32, "unknown_token"),
])
def test_what_is_not_there(broker, path, error):
    answered = broker().get(path)
    assert (answered.status, answered.body["error"]) == (404, error)
    assert answered.body["error_description"]


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/v1/token", "GET"), ("DELETE", "/v1/tokens/athena", "GET"),
    ("PUT", "/v1/tokens", "GET"), ("OPTIONS", "/v1/token/header", "GET"),
    ("GET", "/oauth2/v1/token", "POST"),
])
def test_method_that_is_not_for_this_path(broker, method, path, allow):
    with broker().connect() as connection:
        answered = connection.ask(method, path)
    assert (answered.status, answered.headers["Allow"]) == (405, allow)
    assert answered.body["error"] == "method_not_allowed"


# Around the body.

@pytest.mark.parametrize("path, status", [
    ("/v1/token", 200), ("/v1/token/header", 200), ("/v1/tokens", 200), ("/v1/token?wait=x", 400),
    ("/nope", 404), ("/oauth2/v1/token", 405),
])
def test_no_answer_is_stored_and_each_tells_its_length(broker, path, status):
    with broker().connect() as connection:
        for _ in range(2):      # kept
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == status
            assert response.headers["Cache-Control"] == "no-store"
            assert int(response.headers["Content-Length"]) == len(response.read())
            assert response.headers["Connection"] is None


def test_connection_is_kept(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        for path, status in [("/v1/token", 200), ("/nope", 404), ("/v1/token?wait=x", 400),
                             ("/v1/token", 200)]:
            peer.send(request(path))
            assert peer.answer().status == status


@pytest.mark.parametrize("version, headers, said", [
    ("1.1", [], None), ("1.1", ["Connection: close"], "close"),
    ("1.1", ["CONNECTION: TE, Close"], "close"), ("1.0", [], "close"),
    ("1.0", ["connection: Keep-Alive"], "keep-alive"), ("1.1", ["Connection: keep-alive"], None),
])
def test_connection_is_kept_as_asked(broker, version, headers, said):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/token", *headers, version=version))
        answered = peer.answer()
        assert (answered.status, answered.headers["Connection"]) == (200, said)
        if said != "close":
            peer.send(request("/v1/token"))
            assert peer.answer().status == 200
        else:
            assert peer.is_closed()


@pytest.mark.parametrize("headers", [
    [], ["Host:"], ["Host: localhost"], ["Host: http://[::1]:99999/x"], ["Host: a", "Host: b"],
    ["hOST:\tx y"], ["Host: " + "x" * 4000],
])
def test_host_does_not_matter(broker, headers):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("/v1/token", *headers))
        assert peer.answer().status == 200


def test_absolute_target(broker):
    bearerd = broker()
    with RawPeer(bearerd.socket) as peer:
        peer.send(request("http://bearerd/v1/tokens/athena?wait=1", "Host: bearerd"))
        assert peer.answer().status == 200


# Who may have it.

@needs_root
def test_user_who_is_not_allowed_is_refused(broker):
    bearerd = broker(broker=OPEN, allow_users="root")
    assert bearerd.get("/v1/token").status == 200
    status, body = account.get(bearerd, "/v1/token")
    assert (status, body["error"]) == (403, "access_denied")
    assert account.get(bearerd, "/v1/tokens") == (200, {"tokens": []})


@needs_root
def test_root_follows_the_policy_too(broker):
    bearerd = broker(broker=OPEN, allow_users="daemon, nobody")
    for path in ("/v1/token", "/v1/tokens/athena", "/v1/token/header"):
        assert (bearerd.get(path).status, account.get(bearerd, "/v1/token")[0]) == (403, 200)
    assert post(bearerd, GRANT).status == 403
    assert bearerd.get("/v1/tokens").body == {"tokens": []}


@needs_root
@pytest.mark.parametrize("users, member_of, status", [
    (None, {}, 403),
    (None, {"group": "daemon"}, 200),
    (None, {"groups": ["daemon"]}, 200),
    (None, {"groups": ["bin", "daemon", "sys"]}, 200),
    (None, {"groups": ["bin"]}, 403),
    ("root", {"groups": ["daemon"]}, 403),
    ("nobody", {"groups": ["daemon"]}, 200),
    ("nobody", {}, 403),
])
def test_groups_count_whether_first_or_not(broker, users, member_of, status):
    bearerd = broker(broker=OPEN, allow_groups="daemon", allow_users=users)
    assert account.get(bearerd, "/v1/token", **member_of)[0] == status


@needs_root
def test_member_of_many_groups(broker):
    bearerd = broker(broker=OPEN, allow_groups="daemon")
    daemon = grp.getgrnam("daemon").gr_gid
    assert account.get(bearerd, "/v1/token", groups=[*range(70000, 71023), daemon])[0] == 200


@needs_root
def test_member_of_more_groups_than_are_looked_at(broker):
    """Of them the first one counts alone."""
    bearerd = broker(broker=OPEN, allow_groups="daemon, nogroup", requests_per_minute=600,
                     tokens={"alpha": {}, "beta": {"allow_groups": "daemon"}})
    daemon = grp.getgrnam("daemon").gr_gid
    groups = [*range(70000, 71024), daemon]
    assert account.get(bearerd, "/v1/tokens/alpha", groups=groups)[0] == 200
    assert account.get(bearerd, "/v1/tokens/beta", groups=groups)[0] == 403
    assert "by allow_groups: it is in more groups than are looked at" in bearerd.log()
    assert account.get(bearerd, "/v1/tokens/beta", groups=groups[-1024:])[0] == 200


@needs_root
def test_who_may_not_have_all_does_not_learn_what_there_is(broker):
    bearerd = broker(broker=OPEN, requests_per_minute=600,
                     tokens={"alpha": {}, "beta": {"allow_users": "root"}})
    forbidden = account.get(bearerd, "/v1/tokens/beta")
    assert (forbidden[0], forbidden[1]["error"]) == (403, "access_denied")
    assert account.get(bearerd, "/v1/tokens/nope") == forbidden
    assert account.get(bearerd, "/v1/tokens/alpha")[0] == 200
    assert [each["name"] for each in account.get(bearerd, "/v1/tokens")[1]["tokens"]] == ["alpha"]
    assert bearerd.get("/v1/tokens/nope").status == 404


@needs_root
def test_client_id_of_a_token_that_is_not_allowed(broker):
    bearerd = broker(broker=OPEN, requests_per_minute=600,
                     tokens={"alpha": {"default": "yes"}, "beta": {"allow_users": "nobody"}})
    assert post(bearerd, GRANT + "&client_id=beta").status == 403
    assert post(bearerd, GRANT).body["name"] == "alpha"
