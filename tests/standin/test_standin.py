# SPDX-License-Identifier: MIT
"""The stand-in, asked by curl: that it is strict, and that it misbehaves exactly as it is told."""

import base64
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import namedtuple
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from standin import SCOPE, Standin

CURL = ("curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*")
FORM = f"grant_type=client_credentials&scope={SCOPE}"

# curl's exit codes.
TIMED_OUT, UNTRUSTED = 28, 60
NOT_CONNECTED, PARTIAL, NO_ANSWER, RESET = 7, 18, 52, (35, 56)

Answered = namedtuple("Answered", "code status headers body")


def curl(*options):
    done = subprocess.run([*CURL, "--include", *options], capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
    status = int(line.split()[1]) if re.match(r"HTTP/1.1 \d{3}", line) else None
    return Answered(done.returncode, status, headers, body.decode("latin-1"))


def ask(endpoint, *options, form=FORM, user=None):
    user = user or f"{endpoint.client_id}:{endpoint.client_secret}"
    return curl("--cacert", str(endpoint.ca_file), "--user", user, "--data", form,
                endpoint.token_url, *options)


def call(endpoint, token, path="/v1/195900/ping"):
    return curl("--cacert", str(endpoint.ca_file), "-H", f"Authorization: Bearer {token}",
                endpoint.base_url + path)


def token_of(answered):
    assert answered.status == 200
    return json.loads(answered.body)["access_token"]


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture(name="endpoint")
def an_endpoint(tmp_path):
    with Standin(tmp_path) as endpoint:
        yield endpoint


# Right answers.

def test_good_request_gets_a_token_that_looks_real(endpoint):
    first, second = ask(endpoint), ask(endpoint)
    body = json.loads(first.body)
    assert first.status == 200
    assert first.headers["content-type"] == "application/json"
    assert list(body) == ["access_token", "token_type", "expires_in"]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    header, claims, signature = body["access_token"].split(".")
    assert body["access_token"].startswith("eyJ")
    assert 700 <= len(body["access_token"]) <= 900
    assert decoded(header)["alg"] == "RS256"
    assert decoded(claims)["scp"] == [SCOPE]
    assert len(signature) == 342
    assert body["access_token"] != token_of(second)
    assert endpoint.tokens == [body["access_token"], token_of(second)]


def test_request_is_recorded(endpoint, tmp_path):
    before = time.monotonic()
    ask(endpoint, "-H", "X-Odd-Case: as it came")
    [record] = endpoint.requests
    assert before < record.time <= record.ended < time.monotonic()
    assert (record.on, record.method, record.target) == ("token", "POST", "/oauth2/v1/token")
    assert ["X-Odd-Case", "as it came"] in record.headers
    assert record.header("content-TYPE") == "application/x-www-form-urlencoded"
    assert (record.body, record.client_id) == (FORM, endpoint.client_id)
    assert (record.decision, record.behaviour, record.status) == ("correct", "normal", 200)
    [line] = (tmp_path / "requests.jsonl").read_text().splitlines()
    assert json.loads(line)["body"] == FORM


def test_rfc6749_encoding_of_credentials(tmp_path):
    client_id, secret = "id:with colon", "s%cret+/ ü"
    with Standin(tmp_path, credentials={client_id: secret}, basic_encoding="rfc6749") as endpoint:
        encoded = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        assert ask(endpoint, user=encoded).status == 200
        assert ask(endpoint, user=f"{quote_plus(client_id)}:{secret}").status == 400
        assert endpoint.requests[0].client_id == client_id


def test_several_clients_and_scopes(tmp_path):
    with Standin(tmp_path, credentials={"a": "1", "b": "2"}, scopes=("x", "y")) as endpoint:
        form = "grant_type=client_credentials&scope="
        assert ask(endpoint, user="a:1", form=form + "x").status == 200
        assert ask(endpoint, user="b:2", form=form + "y").status == 200
        assert ask(endpoint, user="b:1", form=form + "y").status == 401
        assert [each.client_id for each in endpoint.token_requests] == ["a", "b", "b"]


def test_parameters_that_are_allowed_and_no_others(endpoint):
    assert ask(endpoint, form=FORM + "&resource=urn%3Aa").status == 400
    endpoint.allow("resource", "flag")
    assert ask(endpoint, form=FORM + "&resource=urn%3Aa&resource=urn%3Ab&flag=").status == 200
    assert ask(endpoint, form=FORM + "&flag=1&flag=2").status == 400
    assert ask(endpoint, form=FORM + "&other=1").status == 400


def look(endpoint, target, *options):
    return curl("--cacert", str(endpoint.ca_file), "-H", "Accept: application/json",
                endpoint.base_url + target, *options)


def test_it_says_what_it_is_where_it_is_told_to(endpoint):
    assert look(endpoint, "/.well-known/openid-configuration").status == 404
    endpoint.describe()
    endpoint.describe("/x/.well-known/smart-configuration", issuer=None, more=[1])
    said = json.loads(look(endpoint, "/.well-known/openid-configuration").body)
    assert (said["issuer"], said["token_endpoint"]) == (endpoint.base_url, endpoint.token_url)
    said = json.loads(look(endpoint, "/x/.well-known/smart-configuration").body)
    assert "issuer" not in said and said["more"] == [1]
    endpoint.next("503", on="metadata")
    assert look(endpoint, "/.well-known/openid-configuration").status == 503
    assert [each.on for each in endpoint.requests] == ["metadata"] * 4
    assert endpoint.unexpected == []


def test_who_looks_shows_no_credentials(endpoint):
    endpoint.describe()
    assert look(endpoint, "/.well-known/openid-configuration", "--user", "a:b").status == 400
    assert look(endpoint, "/.well-known/openid-configuration", "--data", "a=b").status == 400
    assert len(endpoint.unexpected) == 2


def test_no_scope_where_none_is_asked_for(tmp_path):
    with Standin(tmp_path, scopes=("",)) as endpoint:
        assert ask(endpoint, form="grant_type=client_credentials").status == 200
        assert json.loads(ask(endpoint).body)["error"] == "invalid_scope"


# Strictness.

@pytest.mark.parametrize("user", ["0oa-standin-client:wrong", "nobody:wrong", ":"])
def test_wrong_credentials(endpoint, user):
    answered = ask(endpoint, user=user)
    body = json.loads(answered.body)
    assert (answered.status, body["error"]) == (401, "invalid_client")
    assert body["error_description"]
    assert endpoint.requests[0].decision == "wrong credentials"


def test_wrong_scope(endpoint):
    answered = ask(endpoint, form="grant_type=client_credentials&scope=other")
    assert (answered.status, json.loads(answered.body)["error"]) == (400, "invalid_scope")
    assert endpoint.requests[0].decision == "wrong scope"


@pytest.mark.parametrize("options, form, why", [
    (["-X", "PUT"], FORM, "the method is PUT"),
    (["--http1.0"], FORM, "the version is HTTP/1.0"),
    (["-H", "Host:"], FORM, "there is no Host"),
    (["-H", "Content-Type: application/json"], FORM, "Content-Type is not"),
    (["-H", "Content-Type:"], FORM, "Content-Type is not"),
    (["-H", "Accept: text/html"], FORM, "JSON is not accepted"),
    (["-H", "Cookie: a=b"], FORM, "a header Cookie"),
    (["-H", "Authorization: Bearer x"], FORM, "Authorization is not Basic"),
    (["-H", "Authorization: Basic YTpi", "-H", "authorization: Basic YTpi"], FORM, "not Basic"),
    (["-H", "Authorization: Basic Zm9v"], FORM, "no colon"),
    (["-H", "Authorization: Basic A"], FORM, "not base64"),
    (["-H", "Transfer-Encoding: chunked"], FORM, "Transfer-Encoding"),
    (["-H", "Content-Length: 5"], FORM, "there is more behind its body"),
    (["-H", "X-Bad:  \x01"], FORM, "a header line"),
    ([], "grant_type=password&scope=x", "grant_type is not"),
    ([], "scope=x", "grant_type is not"),
    ([], "grant_type=client_credentials", "there is no scope"),
    ([], FORM + "&client_secret=x", "other parameters: client_secret"),
    ([], FORM + "&scope=x", "there twice"),
    ([], FORM + " ", "the body is no form"),
    ([], "grant_type", "the body is no form"),
])
def test_unexpected_request_gets_400(endpoint, options, form, why):
    answered = ask(endpoint, *options, form=form)
    assert (answered.status, json.loads(answered.body)["error"]) == (400, "invalid_request")
    [record] = endpoint.unexpected
    assert record.decision.startswith("unexpected: ")
    assert why in record.decision


def test_other_path_is_unexpected(endpoint):
    answered = curl("--cacert", str(endpoint.ca_file), endpoint.base_url + "/oauth2/v2/token")
    assert answered.status == 400
    assert [each.on for each in endpoint.unexpected] == ["other"]


# Answers on command.

@pytest.mark.parametrize("what, status, code", [
    ("400", 400, "invalid_request"), ("invalid-scope", 400, "invalid_scope"),
    ("401", 401, "invalid_client"), ("403", 403, "access_denied"), ("500", 500, "server_error"),
])
def test_error_in_the_shape_of_the_rfc(endpoint, what, status, code):
    endpoint.next(what)
    answered = ask(endpoint)
    assert (answered.status, json.loads(answered.body)["error"]) == (status, code)
    assert endpoint.requests[0].status == status
    assert ask(endpoint).status == 200


@pytest.mark.parametrize("what, status", [("429", 429), ("500-detailed", 500)])
def test_error_in_the_shape_of_the_gateway(endpoint, what, status):
    endpoint.next(what)
    answered = ask(endpoint)
    assert answered.status == status
    assert list(json.loads(answered.body)) == ["error", "detailedmessage"]


@pytest.mark.parametrize("what, status", [("500-html", 500), ("503", 503)])
def test_error_as_a_page(endpoint, what, status):
    endpoint.next(what)
    answered = ask(endpoint)
    assert (answered.status, answered.headers["content-type"]) == (status,
                                                                   "text/html; charset=utf-8")
    assert answered.body.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("what, status", [
    ("401-empty", 401), ("403-empty", 403), ("408", 408), ("500-empty", 500)])
def test_error_without_a_body(endpoint, what, status):
    endpoint.next(what)
    answered = ask(endpoint)
    assert (answered.code, answered.status, answered.body) == (0, status, "")
    assert "content-type" not in answered.headers


def test_retry_after(endpoint):
    endpoint.next(429, retry_after=7)
    endpoint.next(503, retry_after="soon")
    endpoint.next(429, retry_after_date=30)
    assert ask(endpoint).headers["retry-after"] == "7"
    assert ask(endpoint).headers["retry-after"] == "soon"
    date = parsedate_to_datetime(ask(endpoint).headers["retry-after"])
    assert 20 < date.timestamp() - time.time() <= 31


def test_redirect(endpoint):
    endpoint.next(302)
    answered = ask(endpoint)
    assert (answered.status, answered.headers["location"]) == (302, "/oauth2/v1/elsewhere")
    endpoint.next(302)
    ask(endpoint, "--location")
    assert endpoint.unexpected[0].target == "/oauth2/v1/elsewhere"


def test_secret_is_echoed(endpoint):
    endpoint.next("echo-secret")
    description = json.loads(ask(endpoint).body)["error_description"]
    assert endpoint.client_secret in description
    assert endpoint.requests[0].header("Authorization") in description


@pytest.mark.parametrize("literal", ['"3600"', "true", "1e9", "-1", "0", "null", "12", 12])
def test_any_expires_in(endpoint, literal):
    endpoint.next(expires_in=literal)
    assert f'"expires_in":{literal}' in ask(endpoint).body


def test_any_member(endpoint):
    endpoint.next(expires_in="absent")
    endpoint.next(members={"token_type": '"mac"', "scope": '"narrower"', "access_token": None})
    assert list(json.loads(ask(endpoint).body)) == ["access_token", "token_type"]
    assert json.loads(ask(endpoint).body) == {"token_type": "mac", "expires_in": 3600,
                                              "scope": "narrower"}


def test_same_token_again_with_the_life_that_is_left(endpoint):
    endpoint.next(expires_in=10)
    first = ask(endpoint)
    endpoint.next("same-token")
    again = json.loads(ask(endpoint).body)
    assert again["access_token"] == token_of(first)
    assert 5 <= again["expires_in"] <= 9


def test_literal_answer(endpoint):
    endpoint.next(status=299, headers={"X-A": "b", "content-type": None}, body="\udcff{@TOKEN@}")
    answered = ask(endpoint)
    assert (answered.status, answered.headers["x-a"]) == (299, "b")
    assert "content-type" not in answered.headers
    assert answered.body == f"\xff{{{endpoint.tokens[0]}}}"
    endpoint.next(raw="HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
    ask(endpoint)
    assert [each.status for each in endpoint.requests] == [299, 200]
    endpoint.next(raw="SSH-2.0-OpenSSH\r\n")
    assert ask(endpoint).code == 1     # unsupported protocol: HTTP/0.9


def test_oversized_body(endpoint):
    endpoint.next("oversized")
    assert len(ask(endpoint).body) == 102400
    endpoint.next(size=65537)
    answered = ask(endpoint)
    assert (len(answered.body), len(token_of(answered)) > 700) == (65537, True)


# Answers that do not end well.

@pytest.mark.parametrize("what, options, codes", [
    ("reset", [], RESET),
    ("close", [], [NO_ANSWER]),
    ("truncated", [], [PARTIAL]),
    ("stall", ["--max-time", "0.2"], [TIMED_OUT]),
    ("stall-body", ["--max-time", "0.2"], [TIMED_OUT]),
    ("stall-handshake", ["--max-time", "0.2"], [TIMED_OUT]),
    ("drip", ["--max-time", "0.3"], [TIMED_OUT]),
    ("endless-headers", [], [27, 56]),      # curl has a limit of its own, and names for it
    ("endless-body", ["--limit-rate", "100k", "--max-time", "0.3"], [TIMED_OUT]),
])
def test_answer_ends_badly(endpoint, what, options, codes):
    endpoint.next(what)
    answered = ask(endpoint, *options)
    assert answered.code in codes
    assert ask(endpoint).status == 200
    assert (answered.status is None) == (what in ("reset", "close", "stall", "stall-handshake",
                                                  "drip"))


@pytest.mark.parametrize("cut, codes", [("reset", (*RESET, NOT_CONNECTED)), ("close", [35])])
def test_connection_ends_before_the_handshake(endpoint, cut, codes):
    endpoint.next(on="connection", cut=cut)
    assert ask(endpoint).code in codes
    assert endpoint.requests == []
    assert endpoint.records("connection")[0].decision == "not let in"
    assert ask(endpoint).status == 200


def test_delay_goes_with_everything(endpoint):
    endpoint.next(delay=0.2)
    endpoint.next(500, delay=0.2)
    endpoint.next("close", delay=0.2)
    endpoint.next(on="connection", delay=0.2)
    start = time.monotonic()
    assert [ask(endpoint).status for _ in range(3)] == [200, 500, None]
    assert time.monotonic() - start >= 0.8
    assert all(each.ended - each.time >= 0.2 for each in endpoint.requests)


def test_client_that_hangs_up_ends_the_delay(endpoint):
    endpoint.next(delay=60)
    assert ask(endpoint, "--max-time", "0.2").code == TIMED_OUT
    assert endpoint.wait_for_requests(1, timeout=10, ended=True) == 1


@pytest.mark.parametrize("kind", ["expired", "wrong-host", "untrusted"])
def test_certificate_that_does_not_verify(tmp_path, kind):
    with Standin(tmp_path, certificate=kind) as endpoint:
        assert ask(endpoint).code == UNTRUSTED
        assert ask(endpoint, "--insecure").status == 200
        endpoint.use_certificate("good")
        assert ask(endpoint).status == 200
        assert [each.decision for each in endpoint.records("connection")] == [
            "no handshake: TLSV1_ALERT_UNKNOWN_CA" if kind == "untrusted" else
            "no handshake: SSLV3_ALERT_CERTIFICATE_EXPIRED" if kind == "expired" else
            "no request"]


def test_good_certificate_verifies_strictly(endpoint, tmp_path):
    subprocess.run(["openssl", "verify", "-x509_strict", "-verify_hostname", "localhost",
                    "-CAfile", endpoint.ca_file, tmp_path / "server.pem"],
                   check=True, stdout=subprocess.DEVNULL)


def test_tls_1_2_at_least(endpoint):
    assert ask(endpoint, "--tls-max", "1.2").status == 200
    assert ask(endpoint, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0").code == 35


# Queues.

def test_queued_behaviours_come_in_turn_then_the_standing_one(endpoint):
    endpoint.behave(503)
    endpoint.next(500, count=2)
    endpoint.next(429)
    assert [ask(endpoint).status for _ in range(5)] == [500, 500, 429, 503, 503]
    endpoint.next(500)
    endpoint.normal()
    assert ask(endpoint).status == 200


@pytest.mark.parametrize("told", [
    {"what": "x"}, {"status": 99}, {"status": 600}, {"status": True}, {"cut": "x"}, {"on": "x"},
    {"delay": -1}, {"count": 0}, {"headers": []}, {"body": 1}, {"on": "connection", "status": 200},
    {"on": "connection", "cut": "drip"},
])
def test_unknown_behaviour_is_refused(endpoint, told):
    with pytest.raises(ValueError):
        endpoint.next(**told)
    with pytest.raises(TypeError):
        endpoint.next(statsu=500)


# The API.

def test_call_with_a_good_token(endpoint):
    token = token_of(ask(endpoint))
    assert call(endpoint, token).body == '{"pong":"true"}'
    assert call(endpoint, token, "/v1/1/departments?limit=1").status == 200
    assert [each.decision for each in endpoint.api_requests] == ["correct"] * 2


def test_call_with_a_bad_token(endpoint):
    endpoint.next(expires_in=0)
    dead, revoked = token_of(ask(endpoint)), token_of(ask(endpoint))
    assert endpoint.revoke_all() == 1
    assert [call(endpoint, token).status for token in (dead, revoked, "other", "")] == [401] * 4
    assert [each.decision for each in endpoint.api_requests] == [
        "dead token", "dead token", "unknown token", "no bearer token"]
    assert call(endpoint, token_of(ask(endpoint))).status == 200


def test_call_fails_on_command(endpoint):
    endpoint.next(403, on="api")
    token = token_of(ask(endpoint))
    assert [call(endpoint, token).status for _ in range(2)] == [403, 200]


# Many at once, counting, waiting.

def connect(endpoint):
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    sock = socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)
    return context.wrap_socket(sock, server_hostname="localhost")


def request_bytes(endpoint):
    pair = f"{endpoint.client_id}:{endpoint.client_secret}".encode()
    head = ("POST /oauth2/v1/token HTTP/1.1", "Host: localhost", "Accept: application/json",
            "Authorization: Basic " + base64.b64encode(pair).decode(),
            "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(FORM)}")
    return ("\r\n".join(head) + "\r\n\r\n" + FORM).encode()


def read_all(sock):
    with sock:
        return b"".join(iter(lambda: sock.recv(65536), b""))


def test_200_connections_at_once(endpoint):
    idle = socket.create_connection(("127.0.0.1", endpoint.port))   # and one that never says a word
    open_ones = [connect(endpoint) for _ in range(200)]
    endpoint.behave(delay=0.5)
    for sock in open_ones:
        sock.sendall(request_bytes(endpoint))
    assert endpoint.wait_for_requests(200, timeout=10) == 200
    start = time.monotonic()
    tokens = {read_all(sock) for sock in open_ones}
    assert time.monotonic() - start < 5
    idle.close()
    assert len(tokens) == 200
    assert endpoint.most_within(10) == 200
    assert endpoint.most_at_once() > 100


def test_requests_one_after_the_other(endpoint):
    for _ in range(3):
        ask(endpoint)
    assert endpoint.most_at_once() == 1
    first, second, _ = endpoint.token_requests
    assert endpoint.most_within(second.time - first.time) < 3
    assert (endpoint.most_within(1, "api"), endpoint.most_at_once("api")) == (0, 0)


def test_waiting_for_requests(endpoint):
    asking = threading.Thread(target=ask, args=(endpoint,))
    asking.start()
    assert endpoint.wait_for_requests(1, timeout=10) == 1
    asking.join()
    with pytest.raises(TimeoutError, match="1 of 2 requests"):
        endpoint.wait_for_requests(2, timeout=0.05)


def test_request_is_there_before_its_answer(endpoint):
    endpoint.next("stall")
    asking = threading.Thread(target=ask, args=(endpoint,))
    asking.start()
    endpoint.wait_for_requests(1, timeout=10)
    assert endpoint.requests[0].ended is None
    endpoint.stop()     # which ends the stall, too
    asking.join()
    assert endpoint.requests[0].ended


def test_stopped_and_started_again(endpoint):
    token = token_of(ask(endpoint))
    endpoint.stop()
    assert ask(endpoint).code == 7
    endpoint.start()
    assert call(endpoint, token).status == 200
    assert len(endpoint.requests) == 2


# The program.

PROGRAM = Path(__file__).parent / "standin.py"


@pytest.fixture(name="program")
def a_program(tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "--directory", tmp_path, "--client-id", "me", "--client-secret", "pass",
         "--scope", "x", "--expires-in", "60"], stdout=subprocess.PIPE, text=True)
    with process:
        yield process
        process.kill()


def control(directory, command, *options):
    done = subprocess.run([*CURL, "--fail-with-body", "--unix-socket", directory / "control.sock",
                           f"http://standin/{command}", *options],
                          capture_output=True, check=False, text=True)
    return done.returncode, done.stdout.rstrip("\n")


def test_program(program, tmp_path):
    word, url = program.stdout.readline().split()
    assert (word, url.startswith("https://localhost:")) == ("ready", True)

    def status():
        answered = curl("--cacert", str(tmp_path / "ca.pem"), "--user", "me:pass", url,
                        "--data", "grant_type=client_credentials&scope=x")
        return answered.status, "60}" in answered.body

    assert status() == (200, True)
    assert control(tmp_path, "next", "-d", '{"what": 500, "count": 2}') == (0, "done")
    assert [status()[0] for _ in range(3)] == [500, 500, 200]
    assert control(tmp_path, "behave", "-d", '{"status": 418}') == (0, "done")
    assert status()[0] == 418
    assert control(tmp_path, "normal", "-X", "POST") == (0, "done")
    assert status()[0] == 200
    assert control(tmp_path, "revoke-all", "-X", "POST") == (0, "4")
    assert control(tmp_path, "count?on=token") == (0, "6")
    assert control(tmp_path, "count?on=api") == (0, "0")
    assert control(tmp_path, "wait?n=6") == (0, "6")
    assert control(tmp_path, "wait?n=7&timeout=0.05")[0] == 22
    assert control(tmp_path, "certificate", "-d", '{"kind": "expired"}') == (0, "done")
    assert status()[0] is None
    log = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert [each["status"] for each in log if each["on"] == "token"] == [200, 500, 500, 200, 418,
                                                                         200]


@pytest.mark.parametrize("command, options", [
    ("next", ["-d", '{"what": "x"}']), ("next", ["-d", '{"cuont": 1}']), ("next", ["-d", "{"]),
    ("next", ["-d", "[1]"]), ("certificate", ["-d", '{"kind": "x"}']), ("nothing", []),
])
def test_wrong_command_is_refused(program, tmp_path, command, options):
    program.stdout.readline()
    code, text = control(tmp_path, command, *options)
    assert code == 22
    assert text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_ends_at_a_signal_whatever_goes_on(program, tmp_path, number):
    url = program.stdout.readline().split()[1]
    control(tmp_path, "behave", "-d", '{"what": "stall"}')
    with subprocess.Popen([*CURL, "-k", url], stderr=subprocess.DEVNULL) as stalled:
        assert control(tmp_path, "wait?n=1")[0] == 0
        with subprocess.Popen([*CURL, "--unix-socket", tmp_path / "control.sock",
                               "http://standin/wait?n=9&timeout=60"],
                              stdout=subprocess.DEVNULL):
            os.kill(program.pid, number)
            assert program.wait(10) == 0
        assert stalled.wait(10) != 0
    assert not (tmp_path / "control.sock").exists()


def test_program_wants_a_secret_for_each_id(tmp_path):
    done = subprocess.run([sys.executable, PROGRAM, "--directory", tmp_path, "--client-id", "x"],
                          capture_output=True, check=False, text=True)
    assert (done.returncode, "--client-secret" in done.stderr) == (2, True)
