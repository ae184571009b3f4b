# SPDX-License-Identifier: MIT
"""The control socket: what operators see there, and what they can do."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import account
import operators
import pytest
from account import needs_root
from activation import activate
from pace import FAST, SPACING, until
from rawpeer import RawPeer, request

GOOD, BAD = ("token=good",), ("token=bad",)
OUTCOMES = ("failed", "granted", "denied", "misconfigured")
FEW_DESCRIPTORS = ["prlimit", "--nofile=128:128"]


@pytest.fixture(name="operator")
def an_operator(broker):
    """Of a bearerd with the token athena."""
    return operators.start(broker(start=False, **FAST))


def use_wrong_secret(bearerd, name="athena"):
    (bearerd.directory / f"{name}.client_secret").write_text("not-the-secret-of-the-client")


def answer_once(listener, text, kind="application/json", status=200):
    one, _ = listener.accept()
    with one:
        one.recv(4096)
        one.sendall(f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(text)}\r\n\r\n{text}".encode())


def wait_for_token(operator, name="athena"):
    return until(lambda: operator.token(name)["valid"] and operator.token(name))


# Who may.

def test_socket_is_its_owners_alone_and_goes_with_bearerd(operator):
    mode = operator.socket.stat()
    assert stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o600
    assert mode.st_uid == os.geteuid()
    assert operator.bearerd.stop() == 0
    assert not operator.socket.exists()


def test_there_is_none_unless_it_is_asked_for(broker):
    bearerd = broker()
    assert not (bearerd.directory / "control.sock").exists()
    for path in ("/v1/status", "/metrics"):
        assert bearerd.get(path).status == 404
    with bearerd.connect() as connection:
        assert connection.ask("POST", "/v1/tokens/athena/refresh").status == 404


@needs_root
def test_another_user_cannot_connect(operator):
    done = account.run(operator.bearerd, ["curl", "-sS", "--unix-socket", operator.socket.name,
                                          "http://localhost/v1/status"])
    assert done.returncode == 7 and done.stdout == ""


def test_socket_that_cannot_be_made_is_an_error(broker):
    bearerd = broker(start=False)
    bearerd.arguments += ["--control", bearerd.directory / "nowhere" / "control.sock"]
    bearerd.write_config()
    bearerd.launch()
    assert bearerd.wait() == 73
    assert "its directory does not exist" in bearerd.log()
    assert not bearerd.socket.exists()


def test_socket_of_systemd(broker):
    bearerd = broker(start=False)
    operator = operators.Operator(bearerd)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"),
             (operator.socket, "control", "SOCK_STREAM"))
    bearerd.start()
    assert operator.token()["name"] == "athena"
    assert bearerd.stop() == 0
    assert operator.socket.exists()


def test_wrong_socket_of_systemd_is_an_error(broker):
    bearerd = broker(start=False)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"),
             (bearerd.directory / "control.sock", "control", "SOCK_DGRAM"))
    bearerd.write_config()
    bearerd.launch()
    assert bearerd.wait() == 73
    assert "look at bearerd-control.socket" in bearerd.log()


# What is not understood.

@pytest.mark.parametrize("method, path, status, error", [
    ("GET", "/", 404, "not_found"),
    ("GET", "/v1/token", 404, "not_found"),
    ("GET", "/v1/tokens", 404, "not_found"),
    ("GET", "/v1/tokens/athena", 404, "not_found"),
    ("GET", "/v1/status/", 404, "not_found"),
    ("POST", "/v1/tokens/ATHENA/refresh", 404, "not_found"),
    ("POST", "/v1/tokens/nope/refresh", 404, "unknown_token"),
    ("POST", "/v1/status", 405, "method_not_allowed"),
    ("DELETE", "/metrics", 405, "method_not_allowed"),
    ("GET", "/v1/tokens/athena/refresh", 405, "method_not_allowed"),
    ("GET", "/v1/status?wait=1", 400, "invalid_request"),
    ("GET", "/metrics?name[]=up", 400, "invalid_request"),
    ("POST", "/v1/tokens/athena/refresh?force=1", 400, "invalid_request"),
])
def test_what_is_not_served(operator, method, path, status, error):
    answered = operator.ask(method, path)
    assert (answered.status, answered.body["error"]) == (status, error)
    assert answered.body["error_description"]
    assert ("Allow" in answered.headers) == (status == 405)


def test_body_is_refused_and_what_is_no_http(operator, endpoint):
    wait_for_token(operator)
    answered = operator.ask("POST", "/v1/tokens/athena/refresh", body="{}")
    assert (answered.status, answered.body["error"]) == (400, "invalid_request")
    with RawPeer(operator.socket) as peer:
        peer.send(b"nonsense\r\n\r\n")
        assert peer.answer().status == 400
        assert peer.is_closed()
    assert len(endpoint.token_requests) == 1


def test_slow_operator_is_cut_off(operator):
    began = time.monotonic()
    with RawPeer(operator.socket) as peer:
        peer.send(b"GET /v1/status")
        assert peer.is_closed()
    assert 1.9 < time.monotonic() - began < 10


def test_crowd_of_operators_leaves_workers_alone(operator):
    peers = [RawPeer(operator.socket) for _ in range(40)]
    assert operator.bearerd.get("/v1/token").status == 200
    for peer in peers:
        peer.close()
    until(lambda: operator.ask("GET", "/v1/status").status == 200)


def test_pipelined_requests_past_the_rate_are_all_answered(operator):
    with RawPeer(operator.socket) as peer:
        peer.send(request("/v1/status") * 100)
        assert {peer.answer().status for _ in range(100)} == {200}


# Status.

def test_status_of_a_quiet_broker(operator, programs, endpoint):
    began = time.time()
    token = wait_for_token(operator)
    status = operator.status()
    assert (status["configured"], status["config_right"]) == (True, True)
    assert status["config"].keys() == {"file", "identity"}
    assert status["config"]["file"] == str(operator.bearerd.config_file)
    assert status["fetch"] == str(programs.fetch)
    assert abs(status["started_at"] + status["uptime"] - time.time()) < 60
    assert status["started_at"] <= began
    assert re.fullmatch(r"\d+\.\d+\.\d+", status["bearerd"])
    shown = operator.bearerd.shown()
    assert token.keys() == shown.keys() | {"budget", "counters"}
    assert (token["generation"], token["practice_id"]) == (shown["generation"], "195900")
    assert token["counters"]["renewals"] == \
        {"granted": 1, "failed": 0, "denied": 0, "misconfigured": 0}
    assert (token["budget"]["limit"], token["budget"]["left"]) == (600, 599)
    assert len(endpoint.token_requests) == 1


def test_status_shows_what_went_wrong(broker, endpoint):
    bearerd = broker(start=False, tokens={"good": {}, "bad": {}})
    use_wrong_secret(bearerd, "bad")
    operator = operators.start(bearerd)
    assert bearerd.get("/v1/tokens/bad").status == 502
    assert bearerd.get("/v1/tokens/good").status == 200
    bad, good = operator.token("bad"), operator.token("good")
    assert (bad["valid"], bad["last_error"]["kind"]) == (False, "denied")
    assert (bad["last_error"]["upstream_status"], bad["failures"]) == (401, 1)
    assert (bad["counters"]["replies"]["denied"], bad["counters"]["renewals"]["denied"]) == (1, 1)
    assert good["valid"] and "last_error" not in good
    assert good["counters"]["replies"]["token"] == 1
    assert good["budget"] == bad["budget"] | {"next": good["budget"]["next"]}


def test_status_shows_who_waits_and_who_is_there(operator, endpoint):
    bearerd = operator.bearerd
    wait_for_token(operator)
    with bearerd.connect() as connection:
        connection.get("/v1/token")
        peers = operator.status()["peers"]
        assert (peers["connections"], peers["users"], peers["waiting"]) == (1, 1, 0)
        assert peers["most"] == [{"uid": os.geteuid(), "connections": 1, "waiting": 0}]
        assert peers["connections_max"] > 100
    until(lambda: operator.status()["peers"]["connections"] == 0)
    endpoint.behave("stall")
    bearerd.config["token athena"]["client_id"] = bearerd.credential("other", endpoint.client_id)
    bearerd.write_config()
    bearerd.reload()
    waiting = [bearerd.begin("/v1/token") for _ in range(3)]
    until(lambda: operator.token()["waiting"] == 3)
    peers = operator.status()["peers"]
    assert (peers["waiting"], peers["most"][0]["waiting"]) == (3, 3)
    for connection in waiting:
        connection.close()
    until(lambda: operator.token()["waiting"] == 0)
    assert operator.token()["counters"]["replies"]["timeout"] == 0


@needs_root
def test_users_with_the_most_connections_come_first(operator):
    peers = [RawPeer(operator.bearerd.socket)]
    operator.bearerd.socket.chmod(0o666)
    with account.as_nobody(operator.bearerd) as path:
        peers += [RawPeer(path) for _ in range(3)]
    until(lambda: operator.status()["peers"]["connections"] == len(peers))
    assert [(each["uid"], each["connections"]) for each in operator.status()["peers"]["most"]] == \
        [(account.NOBODY.pw_uid, 3), (0, 1)]
    for peer in peers:
        peer.close()


def test_wrong_configuration_is_shown(operator):
    bearerd = operator.bearerd
    wait_for_token(operator)
    bearerd.config["token athena"]["nonsense"] = "1"
    bearerd.write_config()
    bearerd.reload()
    status = operator.status()
    assert (status["configured"], status["config_right"]) == (True, False)
    assert status["tokens"][0]["valid"]
    assert operator.metrics()[("bearerd_config_last_load_successful",)] == 0
    bearerd.config["token athena"]["nonsense"] = None
    bearerd.write_config()
    bearerd.reload()
    assert operator.status()["config_right"]
    assert operator.metrics()[("bearerd_config_last_load_successful",)] == 1


def test_wrong_configuration_at_start_leaves_the_socket_useful(broker):
    bearerd = broker(start=False)
    operator = operators.Operator(bearerd)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"),
             (operator.socket, "control", "SOCK_STREAM"))
    bearerd.config["token athena"]["nonsense"] = "1"
    bearerd.start()
    assert bearerd.get("/v1/token").status == 503
    status = operator.status()
    assert (status["configured"], status["config_right"], status["tokens"]) == (False, False, [])
    assert status["counters"]["replies"]["unconfigured"] == 1
    answered = operator.refresh()
    assert (answered.status, answered.body["error"]) == (503, "temporarily_unavailable")
    operators.check_with_promtool(operator.text())


# Refresh.

def test_refresh_renews_and_workers_are_served_meanwhile(operator, endpoint):
    before = wait_for_token(operator)["generation"]
    time.sleep(SPACING)
    endpoint.next("normal", delay=1)
    answered = operator.refresh()
    assert (answered.status, answered.body) == (202, {"name": "athena", "renewal": "started"})
    assert operator.token()["fetching"]
    assert operator.bearerd.get("/v1/token").body["generation"] == before
    until(lambda: operator.token()["generation"] > before)
    assert len(endpoint.token_requests) == 2
    operator.bearerd.wait_for_log(rf"token athena: uid {os.geteuid()} \(pid {os.getpid()}\) wants a "
                                  "new one: it is asked for now")


def test_refresh_ends_a_denied_pause(operator, endpoint):
    wait_for_token(operator)
    time.sleep(SPACING)
    endpoint.behave("401")
    assert operator.refresh().body["renewal"] == "started"
    until(lambda: operator.token().get("last_error", {}).get("kind") == "denied")
    assert operator.token()["next_attempt"] > 30
    endpoint.normal()
    time.sleep(SPACING)
    assert operator.refresh().body["renewal"] == "started"
    until(lambda: "last_error" not in operator.token())


def test_refresh_waits_for_the_spacing_of_renewals(broker, endpoint):
    operator = operators.start(broker(start=False, **FAST | {"min_renewal_interval": "30s"}))
    wait_for_token(operator)
    body = operator.refresh().body
    assert (body["renewal"], body["waits_for"]) == ("later", "spacing")
    assert 20 < body["next_attempt"] <= 30
    assert operator.token()["next_attempt"] <= body["next_attempt"]
    assert len(endpoint.token_requests) == 1


def test_refresh_waits_for_the_budget(broker, endpoint):
    operator = operators.start(broker(start=False, **FAST | {"requests_per_minute": 1}))
    wait_for_token(operator)
    time.sleep(SPACING)
    body = operator.refresh().body
    assert (body["renewal"], body["waits_for"]) == ("later", "budget")
    assert 50 < body["next_attempt"] <= 60
    assert operator.token()["budget"]["left"] == 0
    assert len(endpoint.token_requests) == 1


def test_refresh_waits_for_retry_after(operator, endpoint):
    wait_for_token(operator)
    time.sleep(SPACING)
    endpoint.behave("429", retry_after=40)
    assert operator.refresh().body["renewal"] == "started"
    until(lambda: operator.token()["failures"] == 1)
    body = operator.refresh().body
    assert (body["renewal"], body["waits_for"]) == ("later", "retry_after")
    assert 30 < body["next_attempt"] <= 40
    assert len(endpoint.token_requests) == 2


def test_refresh_of_what_is_under_way_is_followed_by_one_more(operator, endpoint):
    wait_for_token(operator)
    time.sleep(SPACING)
    endpoint.next("normal", delay=1)
    assert operator.refresh().body["renewal"] == "started"
    answers = [operator.refresh().body for _ in range(5)]
    assert answers == [{"name": "athena", "renewal": "follows"}] * 5
    until(lambda: len(endpoint.token_requests) == 3)
    time.sleep(5 * SPACING)
    assert len(endpoint.token_requests) == 3


# Metrics.

def of(metrics, name, *labels):
    return metrics[(name, *labels)]


def test_metrics_of_a_quiet_broker(operator):
    token = wait_for_token(operator)
    for accept in (None, operators.OPENMETRICS):
        metrics = operator.metrics(accept)
        assert 3000 < of(metrics, "bearerd_token_valid_seconds", "token=athena") < 3600
        assert of(metrics, "bearerd_token_generation", "token=athena") == token["generation"]
        expiry = of(metrics, "bearerd_token_expiry_timestamp_seconds", "token=athena")
        assert abs(expiry - token["expires_at"]) <= 1
        assert of(metrics, "bearerd_renewals_total", "outcome=granted", "token=athena") == 1
        assert of(metrics, "bearerd_fetch_duration_seconds_count", "token=athena") == 1
        assert of(metrics, "bearerd_budget_requests_limit", "token=athena") == 600
        assert of(metrics, "bearerd_start_time_seconds") == operator.status()["started_at"]
    operators.check_with_promtool(operator.text())


def test_formats_say_the_same(operator):
    wait_for_token(operator)
    quiet = ("bearerd_token_valid_seconds", "bearerd_token_expiry_timestamp_seconds")
    older, newer = (
        {key: value for key, value in operator.metrics(accept).items() if key[0] not in quiet}
        for accept in ("text/plain", operators.OPENMETRICS))
    assert older == newer


@pytest.mark.parametrize("accept, is_openmetrics", [
    (None, False),
    ("*/*", False),
    ("text/plain;version=0.0.4", False),
    ("application/json", False),
    ("application/openmetrics-text", True),
    # What Prometheus 2.42 sends.
    ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
])
def test_format_is_the_one_that_is_accepted(operator, accept, is_openmetrics):
    answered = operator.ask("GET", "/metrics", {"Accept": accept} if accept else None)
    assert answered.headers["Content-Type"] == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8" if is_openmetrics
        else "text/plain; version=0.0.4; charset=utf-8")
    assert answered.body.endswith("# EOF\n") == is_openmetrics


def changes(before, after):
    return {key: after[key] - before.get(key, 0) for key in after
            if after[key] != before.get(key, 0)}


def test_counters_rise_by_what_was_done(broker, endpoint):
    bearerd = broker(start=False, tokens={"good": {}, "bad": {}}, **FAST)
    operator = operators.start(bearerd)
    wait_for_token(operator, "good"), wait_for_token(operator, "bad")
    time.sleep(SPACING)
    before = operator.metrics()
    for _ in range(7):
        assert bearerd.get("/v1/tokens/good").status == 200
    generation = operator.token("good")["generation"]
    bearerd.get(f"/v1/tokens/good?after={generation}")                  # renewed
    newest = operator.token("good")["generation"]
    assert bearerd.get(f"/v1/tokens/good?after={newest}").status == 429
    assert bearerd.get("/v1/token").status == 400
    assert bearerd.get("/v1/tokens/nope").status == 404
    endpoint.next("500")
    operator.refresh("bad")
    until(lambda: operator.token("bad")["counters"]["renewals"]["failed"] == 1)
    until(lambda: operator.token("bad")["counters"]["renewals"]["granted"] == 2)
    until(lambda: operator.status()["peers"]["connections"] == 0)
    done = {key: value for key, value in changes(before, operator.metrics()).items()
            if key[0].endswith(("_total", "_count"))}
    assert done == {
        ("bearerd_replies_total", "reply=token", "token=good"): 8,
        ("bearerd_replies_total", "reply=paused", "token=good"): 1,
        ("bearerd_replies_total", "reply=ambiguous"): 1,
        ("bearerd_replies_total", "reply=unknown"): 1,
        ("bearerd_request_wait_seconds_count", *GOOD): 9,
        ("bearerd_renewals_total", "outcome=granted", "token=good"): 1,
        ("bearerd_renewals_total", "outcome=failed", "token=bad"): 1,
        ("bearerd_renewals_total", "outcome=granted", "token=bad"): 1,
        ("bearerd_fetch_duration_seconds_count", *GOOD): 1,
        ("bearerd_fetch_duration_seconds_count", *BAD): 2,
        ("bearerd_connections_accepted_total",): 11,
    }


def test_waits_and_durations_are_those_that_were(broker, endpoint):
    endpoint.next("normal", delay=1)
    operator = operators.start(broker(start=False, **FAST))
    began = time.monotonic()
    assert operator.bearerd.get("/v1/token").status == 200
    waited = time.monotonic() - began
    assert operator.bearerd.get("/v1/token").status == 200      # at once
    metrics = operator.metrics()
    athena = "token=athena"
    assert of(metrics, "bearerd_request_wait_seconds_bucket", "le=0.001", athena) == 1
    assert of(metrics, "bearerd_request_wait_seconds_bucket", "le=0.5", athena) == 1
    assert of(metrics, "bearerd_request_wait_seconds_bucket", "le=+Inf", athena) == 2
    assert 0.5 < of(metrics, "bearerd_request_wait_seconds_sum", athena) <= waited
    assert of(metrics, "bearerd_fetch_duration_seconds_bucket", "le=0.5", athena) == 0
    assert 1 <= of(metrics, "bearerd_fetch_duration_seconds_sum", athena) < waited + 5


def test_metrics_of_a_broker_in_trouble(broker, endpoint):
    """Denied, misconfigured, failing, somebody waiting, somebody turned away."""
    bearerd = broker(start=False, tokens={"denied": {}, "gone": {}, "failing": {}},
                     broker={"user_connections": 2}, retry_min="100ms")
    use_wrong_secret(bearerd, "denied")
    (bearerd.directory / "gone.client_secret").unlink()
    bearerd.config["token failing"]["token_url"] = "https://localhost:1/oauth2/v1/token"
    operator = operators.start(bearerd)
    waiting = bearerd.begin("/v1/tokens/failing?wait=60")
    for name, kind in (("denied", "denied"), ("gone", "misconfigured"), ("failing", "failed")):
        until(lambda: operator.token(name).get("last_error", {}).get("kind") == kind)
    until(lambda: operator.token("failing")["waiting"] == 1)
    assert bearerd.get("/v1/tokens/denied").status == 502
    until(lambda: operator.status()["peers"]["connections"] == 1)
    peers = [RawPeer(bearerd.socket)]
    peers[0].send(b"GET")
    peers.append(RawPeer(bearerd.socket))
    until(lambda: operator.status()["counters"]["connections_turned_away"] == 1)
    for accept in (None, operators.OPENMETRICS):
        metrics = operator.metrics(accept)
        for name in ("denied", "gone", "failing"):
            assert of(metrics, "bearerd_token_valid_seconds", f"token={name}") == 0
            assert ("bearerd_token_expiry_timestamp_seconds", f"token={name}") not in metrics
            assert of(metrics, "bearerd_token_consecutive_failures", f"token={name}") >= 1
        assert of(metrics, "bearerd_renewals_total", "outcome=denied", "token=denied") == 1
        assert of(metrics, "bearerd_renewals_total", "outcome=misconfigured", "token=gone") == 1
        assert of(metrics, "bearerd_replies_total", "reply=denied", "token=denied") == 1
        assert of(metrics, "bearerd_waiting_requests", "token=failing") == 1
        assert of(metrics, "bearerd_connections_turned_away_total") == 1
    operators.check_with_promtool(operator.text())
    for each in [waiting, *peers]:
        each.close()


# bearerctl.

@pytest.fixture(name="bearerctl")
def a_bearerctl(programs):
    def call(operator, *arguments, **environment):
        done = subprocess.run(
            [programs.bearerctl, *arguments],
            env=os.environ | {"BEARERD_SOCKET": str(operator.bearerd.socket),
                              "BEARERD_CONTROL": str(operator.socket)} | environment,
            capture_output=True, check=False, text=True, timeout=30)
        operator.bearerd.overhear(done.stdout + done.stderr)
        return done
    return call


def test_bearerctl_status_shows_all(operator, bearerctl):
    wait_for_token(operator)
    done = bearerctl(operator, "status")
    assert done.returncode == 0, done.stderr
    head, token, _, peers = done.stdout.splitlines()
    assert head.split() == ["TOKEN", "VALID", "UNTIL", "NEXT", "RENEWAL", "WAITING", "BUDGET",
                            "LAST", "TROUBLE"]
    assert token.startswith("athena (default) ") and " 599 of 600 " in token
    assert re.match(r"0 connections of 0 users; bearerd runs for \d+ s\.", peers)


def test_bearerctl_status_as_json(operator, bearerctl):
    wait_for_token(operator)
    assert json.loads(bearerctl(operator, "status", "--json").stdout)["version"] == 1
    workers = bearerctl(operator, "status", "--json", BEARERD_CONTROL="/nowhere")
    assert json.loads(workers.stdout).keys() == {"tokens"}


def test_bearerctl_status_says_that_the_configuration_is_wrong(operator, bearerctl):
    wait_for_token(operator)
    operator.bearerd.config["token athena"]["nonsense"] = "1"
    operator.bearerd.write_config()
    operator.bearerd.reload()
    assert "The configuration that was read last is wrong" in bearerctl(operator, "status").stdout


@needs_root
def test_bearerctl_status_without_the_right_to_all_shows_what_workers_see(operator, programs):
    bearerd = operator.bearerd
    wait_for_token(operator)
    bearerd.socket.chmod(0o666)
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    command = ["env", "BEARERD_CONTROL=control.sock", "./bearerctl"]
    done = account.run(bearerd, [*command, "status"])
    assert done.returncode == 0, done.stderr
    assert "athena (default)" in done.stdout and "BUDGET" not in done.stdout
    for arguments in (["refresh"], ["metrics"], ["--control", "control.sock", "status"]):
        done = account.run(bearerd, [*command, *arguments])
        assert (done.returncode, done.stdout) == (77, "")
        assert re.fullmatch(r"bearerctl: .* at control.sock: .*; it is for root alone\n", done.stderr)


@pytest.mark.parametrize("arguments", [["refresh"], ["refresh", "athena"]])
def test_bearerctl_refresh(operator, bearerctl, endpoint, arguments):
    before = wait_for_token(operator)["generation"]
    time.sleep(SPACING)
    done = bearerctl(operator, *arguments)
    assert (done.returncode, done.stdout) == (0, "token athena: a new one is asked for now\n")
    until(lambda: operator.token()["generation"] > before)


def test_bearerctl_refresh_says_when(broker, bearerctl):
    operator = operators.start(broker(start=False, **FAST | {"min_renewal_interval": "30s"}))
    wait_for_token(operator)
    done = bearerctl(operator, "refresh")
    assert done.returncode == 0
    assert re.fullmatch(r"token athena: a new one is asked for in \d+ s: the last renewal has just "
                        r"been\n", done.stdout)


def test_bearerctl_refresh_waits_for_the_new_one(operator, bearerctl, endpoint):
    wait_for_token(operator)
    for arguments in (["refresh"], ["refresh", "athena"]):
        time.sleep(SPACING)
        endpoint.next("normal", delay=1)
        done = bearerctl(operator, *arguments, "--wait", "30")
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(rf"token athena: generation {operator.token()['generation']}, valid for "
                            r"(1 h|59 min 5\d s)\n", done.stdout)
    assert len(endpoint.token_requests) == 3


def test_bearerctl_refresh_waits_for_the_one_after_that_under_way(operator, bearerctl, endpoint):
    wait_for_token(operator)
    time.sleep(SPACING)
    endpoint.next(401, delay=1)
    operator.refresh()
    done = bearerctl(operator, "refresh", "--wait", "30")
    assert done.returncode == 0, done.stderr
    assert len(endpoint.token_requests) == 3


def test_bearerctl_refresh_waits_for_one_that_is_made_later(broker, bearerctl, endpoint):
    operator = operators.start(broker(start=False, **FAST | {"min_renewal_interval": "3s"}))
    wait_for_token(operator)
    done = bearerctl(operator, "refresh", "--wait", "30")
    assert done.returncode == 0, done.stderr
    assert f"generation {operator.token()['generation']}, " in done.stdout
    assert len(endpoint.token_requests) == 2


@pytest.mark.parametrize("what, status, told", [
    (401, 78, "denied: HTTP 401 invalid_client"), (500, 75, "failed: HTTP 500"),
    (None, 78, "misconfigured: ")])
def test_bearerctl_refresh_says_what_went_wrong(operator, bearerctl, endpoint, what, status, told):
    wait_for_token(operator)
    time.sleep(SPACING)
    if what is None:
        (operator.bearerd.directory / "athena.client_secret").unlink()
    else:
        endpoint.behave(what)
    done = bearerctl(operator, "refresh", "--wait", "30")
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert re.fullmatch(rf"bearerctl: token athena: {told}.*; .*\n", done.stderr)


def test_bearerctl_refresh_waits_no_longer_than_told(operator, bearerctl, endpoint):
    wait_for_token(operator)
    time.sleep(SPACING)
    endpoint.behave("429", retry_after=40, delay=3)
    for told in ("a new one is asked for now", "one is being asked for already, and another one then",
                 r"a new one is asked for in \d\d s: the token endpoint asked for patience"):
        done = bearerctl(operator, "refresh", "--wait", "1")
        assert (done.returncode, done.stdout) == (75, "")
        assert re.fullmatch(rf"bearerctl: token athena: {told}; the 1 s of --wait are too short for "
                            r"that; 'bearerctl status' says why\n", done.stderr), done.stderr
        if "already" in told:
            until(lambda: operator.token().get("last_error"))


def test_bearerctl_refresh_notices_a_restart(programs, tmp_path):
    """Counters begin anew. This bearerd is none: when one is started again is not up to a test."""
    def status(uptime, ended):
        token = {"name": "athena", "fetching": False, "counters": {"renewals": {"granted": ended}}}
        return 200, {"version": 1, "configured": True, "config_right": True, "uptime": uptime,
                     "tokens": [token]}

    answers = [status(100, 5), (202, {"renewal": "started"}), status(100, 5), status(1, 0)]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen()
        with subprocess.Popen([programs.bearerctl, "--control", tmp_path / "control", "refresh",
                               "athena", "--wait", "30"], stderr=subprocess.PIPE, text=True) as asking:
            for number, body in answers:
                answer_once(listener, json.dumps(body), status=number)
            assert asking.stderr.read() == \
                "bearerctl: token athena: bearerd was restarted meanwhile; ask again\n"
            assert asking.wait() == 75


def test_bearerctl_metrics(operator, bearerctl):
    wait_for_token(operator)
    text = bearerctl(operator, "metrics").stdout
    operators.check_with_promtool(text)
    newer = bearerctl(operator, "metrics", "--openmetrics").stdout
    assert newer.endswith("# EOF\n")
    assert operators.samples(text).keys() == operators.samples(newer).keys()


def test_bearerctl_says_what_is_wrong(broker, bearerctl):
    bearerd = broker(start=False, tokens={"one": {}, "two": {}})
    operator = operators.start(bearerd)
    for arguments, status, text in ((["refresh", "nope"], 66, "no such token"),
                                    (["refresh", "NOPE"], 64, "'NOPE': not the name"),
                                    (["refresh"], 64, "the default token: there is none; name"),
                                    (["metrics", "x", "y"], 64, "'x' is one argument too many"),
                                    (["--control", "unix:x", "metrics"], 64, "--control"),
                                    (["--control", bearerd.socket, "metrics"], 76, "not an answer"),
                                    (["--control", "/tmp", "metrics"], 69, "/tmp: it is no socket"),
                                    (["--control", "/nowhere", "status"], 69, "/nowhere")):
        done = bearerctl(operator, *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), arguments
        assert text in done.stderr, done.stderr
    bearerd.kill()
    for command in ("refresh", "metrics"):
        assert bearerctl(operator, command).returncode == 69


def asked_of_another(bearerctl, operator, arguments, *answer):
    """Who gives this answer, and is no bearerd, or one of another version."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(operator.socket) + ".other")
        other.listen()
        answering = threading.Thread(target=answer_once, args=(other, *answer))
        answering.start()
        done = bearerctl(operator, "--control", other.getsockname(), *arguments)
        answering.join()
    return done


@pytest.mark.parametrize("option, kind, is_right", [
    ([], "text/plain; version=0.0.4; charset=utf-8", True),
    (["--openmetrics"], "application/openmetrics-text; version=1.0.0; charset=utf-8", True),
    ([], "application/openmetrics-text; version=1.0.0; charset=utf-8", False),
    (["--openmetrics"], "text/plain; version=0.0.4; charset=utf-8", False),
    ([], "text/plain; version=0.0.5", False), ([], "text/plain", False), ([], "text/html", False)])
def test_bearerctl_takes_no_other_text_for_metrics(operator, bearerctl, option, kind, is_right):
    done = asked_of_another(bearerctl, operator, ["metrics", *option], "up 1\n", kind)
    if is_right:
        assert (done.returncode, done.stdout) == (0, "up 1\n")
    else:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (76, "", 1)
        assert "the versions go together" in done.stderr


@pytest.mark.parametrize("command", ["status", "refresh"])
@pytest.mark.parametrize("version, is_known", [('"version":1,', True), ('"version":2,', False), ("", False)])
def test_bearerctl_takes_no_status_of_another_version(operator, bearerctl, command, version, is_known):
    told = f'{{{version}"configured":true,"config_right":true,"tokens":[]}}'
    done = asked_of_another(bearerctl, operator, [command], told)
    assert (done.returncode == 76) != is_known
    assert ("the versions go together" in done.stderr) != is_known


def test_bearerctl_without_a_configuration(broker, bearerctl):
    bearerd = broker(start=False)
    operator = operators.Operator(bearerd)
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"),
             (operator.socket, "control", "SOCK_STREAM"))
    bearerd.config["token athena"]["nonsense"] = "1"
    bearerd.start()
    for arguments in (["status"], ["refresh"], ["refresh", "athena"]):
        done = bearerctl(operator, *arguments)
        assert (done.returncode, done.stdout) == (78, "")
        assert "its configuration is wrong" in done.stderr
    assert bearerctl(operator, "metrics").returncode == 0


def test_requests_of_operators_do_not_keep_bearerd_from_ending(operator):
    with operator.connect() as kept:
        kept.get("/v1/status")
        operator.bearerd.signal(signal.SIGTERM)
        assert operator.bearerd.wait(timeout=5) == 0
