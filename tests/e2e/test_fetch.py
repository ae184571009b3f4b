# SPDX-License-Identifier: MIT
"""bearerd-fetch as bearerd meets it: a name goes into its socket, one line comes out."""

import base64
import json
import re
import shutil
import socket
import subprocess
import threading
import time

import certificates
import pytest
from account import needs_root
from fetcher import TIMEOUT, Fetcher, assert_outcome

GRANT = '{"access_token":"@TOKEN@","token_type":"Bearer","expires_in":3600'


@pytest.fixture(name="fetcher")
def a_fetcher(programs, endpoint, tmp_path):
    return Fetcher(programs.fetch, tmp_path, endpoint)


# The request


def test_request_is_exactly_this(fetcher, endpoint):
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    outcome = fetcher.fetch()
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    assert outcome["outcome"] == "granted"
    assert outcome["access_token"] == endpoint.tokens[0]
    assert (outcome["status"], outcome["expires_in"]) == (200, 3600)
    assert outcome["sent"] is True
    assert before < outcome["sent_at"] < after
    assert fetcher.said == ""

    [request] = endpoint.requests
    assert (request.method, request.target, request.version) == (
        "POST", "/oauth2/v1/token", "HTTP/1.1")
    body = "grant_type=client_credentials&scope=athena%2Fservice%2FAthenanet.MDP.*"
    pair = f"{endpoint.client_id}:{endpoint.client_secret}".encode()
    assert {name.lower(): value for name, value in request.headers} == {
        "host": f"localhost:{endpoint.port}",
        "user-agent": request.header("User-Agent"),
        "authorization": "Basic " + base64.b64encode(pair).decode(),
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
        "content-length": str(len(body)),
    }
    assert re.fullmatch(r"bearerd/[0-9.]+", request.header("User-Agent"))
    assert request.body == body
    assert len(request.headers) == 6


def test_credentials_are_form_urlencoded_first_where_so_configured(fetcher, endpoint):
    fetcher.keys["basic_encoding"] = "rfc6749"
    # The stand-in reads Basic as athenahealth does, as it is: for it, this is another secret.
    assert_outcome(fetcher.fetch(), "denied", "check client_id", error="invalid_client")
    [request] = endpoint.requests
    encoded = "standin-secret%2Fwith%2Bsome%3Dspecial%26characters"
    assert base64.b64decode(request.header("Authorization")[6:]).decode().endswith(":" + encoded)


def test_secret_is_in_no_argument_and_no_variable(fetcher, endpoint):
    endpoint.next("stall")
    process, ours = fetcher.start()
    ours.sendall(b"athena\n")
    endpoint.wait_for_requests(1, timeout=TIMEOUT)
    for name in ("cmdline", "environ"):
        with open(f"/proc/{process.pid}/{name}", "rb") as file:
            assert endpoint.client_secret.encode() not in file.read()
    process.kill()
    ours.close()
    process.communicate(timeout=TIMEOUT)


def test_proxies_and_netrc_of_the_environment_do_not_count(fetcher, endpoint):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        fetcher.environment[name] = "http://127.0.0.1:1"
    fetcher.file(".netrc", "machine localhost login other password other\n")
    fetcher.file(".curlrc", "proxy = 127.0.0.1:1\n")
    keys = fetcher.directory / "keys"
    fetcher.environment["SSLKEYLOGFILE"] = str(keys)
    assert fetcher.fetch()["outcome"] == "granted"
    assert not keys.exists()


def test_configured_proxy_counts(fetcher):
    fetcher.keys["proxy"] = "http://127.0.0.1:1"
    fetcher.environment["no_proxy"] = "localhost"
    assert_outcome(fetcher.fetch(), "failed", "127.0.0.1 port 1", sent=False)


# What the endpoint answers


@pytest.mark.parametrize("what, changes, kind, words, others", [
    ("400", {}, "denied", "HTTP 400 invalid_request: check token_url",
     {"status": 400, "error": "invalid_request"}),
    ("invalid-scope", {}, "denied", "HTTP 400 invalid_scope: check scope",
     {"status": 400, "error": "invalid_scope"}),
    ("401", {}, "denied", "HTTP 401 invalid_client: check client_id, client_secret",
     {"status": 401, "error": "invalid_client"}),
    ("401-empty", {}, "denied", "HTTP 401 with an empty body: check client_id", {"status": 401}),
    ("403", {}, "denied", "HTTP 403 access_denied: check scope",
     {"status": 403, "error": "access_denied"}),
    ("403-empty", {}, "denied", "check client_id, client_secret and scope", {"status": 403}),
    ("401", {"cut": "truncated"}, "denied", "check client_id", {"status": 401}),
    ("401", {"size": 100 * 1024}, "denied", "check client_id", {"status": 401}),
    ("408", {}, "failed", "HTTP 408", {"status": 408}),
    ("429", {"retry_after": 17}, "failed", "HTTP 429 Too Many Requests: too many requests",
     {"status": 429, "retry_after": 17}),
    ("429", {"retry_after": "soon"}, "failed", "HTTP 429", {"retry_after": None}),
    ("429", {"retry_after": 10 ** 30}, "failed", "HTTP 429", {"retry_after": 86400}),
    ("500", {}, "failed", "HTTP 500 server_error", {"status": 500, "error": "server_error"}),
    ("500-detailed", {}, "failed", "An internal error occurred", {"status": 500}),
    ("500-html", {}, "failed", "HTTP 500 with an HTML page", {"status": 500}),
    ("500-empty", {}, "failed", "HTTP 500 with an empty body", {"status": 500}),
    ("503", {"retry_after": 5}, "failed", "HTTP 503", {"status": 503, "retry_after": 5}),
    ("302", {}, "denied", "a redirect is never followed, check token_url", {"status": 302}),
])
def test_refusal_is_of_its_kind(fetcher, endpoint, what, changes, kind, words, others):
    endpoint.next(what, **changes)
    outcome = fetcher.fetch()
    assert_outcome(outcome, kind, words, sent=True, **others)
    assert len(endpoint.requests) == 1
    assert fetcher.said == ""


def test_retry_after_may_be_a_date(fetcher, endpoint):
    endpoint.next("429", retry_after_date=100)
    assert 95 <= fetcher.fetch()["retry_after"] <= 101


def test_retry_after_of_an_interim_answer_does_not_count(fetcher, endpoint):
    endpoint.next(raw="HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n"
                      "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    assert_outcome(fetcher.fetch(), "failed", "HTTP 503", retry_after=None)


@pytest.mark.parametrize("expires_in, life", [
    ('"3600"', 3600), ("1", 1), ("315360000", 315360000), ("absent", 600)])
def test_life_is_read(fetcher, endpoint, expires_in, life):
    fetcher.keys["default_expires_in"] = "10min"
    endpoint.next(expires_in=expires_in)
    outcome = fetcher.fetch()
    assert (outcome["outcome"], outcome["expires_in"]) == ("granted", life)


@pytest.mark.parametrize("expires_in", [
    "0", "-1", "true", "1e9", '"1e9"', "3600.0", '""', "null", "315360001", "9" * 40])
def test_life_that_is_no_whole_number_makes_no_token(fetcher, endpoint, expires_in):
    endpoint.next(expires_in=expires_in)
    assert_outcome(fetcher.fetch(), "failed", "expires_in is no whole number", sent=True,
                   status=200)


@pytest.mark.parametrize("body, words", [
    (GRANT + ',"access_token":"other"}', "a member is there twice"),
    (GRANT + ',"\\u0061ccess_token":"other"}', "a member is there twice"),
    (GRANT + ',"expires_in":1}', "a member is there twice"),
    (GRANT + "}{}", "not one JSON object"),
    (GRANT, "not one JSON object"),
    ("", "with an empty body: no token"),
    ("<html></html>", "with an HTML page: no token"),
    ('{"access_token":"a b","token_type":"Bearer"}', "access_token has characters"),
    ('{"access_token":"@TOKEN@","token_type":"mac"}', "token_type is not Bearer"),
    ('{"access_token":"@TOKEN@"}', "token_type is missing"),
])
def test_malformed_success_is_no_token(fetcher, endpoint, body, words):
    endpoint.next(body=body)
    assert_outcome(fetcher.fetch(), "failed", words, sent=True, status=200)


def test_granted_scope_is_told(fetcher, endpoint):
    endpoint.next(members={"scope": '"a b"'})
    assert fetcher.fetch()["scope"] == "a b"


def test_body_at_the_limit_is_taken_and_one_past_it_refused(fetcher, endpoint):
    endpoint.next(size=65536)
    assert fetcher.fetch()["outcome"] == "granted"
    endpoint.next(size=65537)
    assert_outcome(fetcher.fetch(), "failed", "longer than 65536 bytes", status=200)
    endpoint.next("endless-body")
    assert_outcome(fetcher.fetch(), "failed", "longer than 65536 bytes", status=200)


def test_endless_header_is_cut_off(fetcher, endpoint):
    endpoint.next("endless-headers")
    assert_outcome(fetcher.fetch(), "failed", "the header of the answer is too long", sent=True)


def test_two_hundred_lines_of_header_are_taken_and_one_more_is_not(fetcher, endpoint):
    def answer(fillers):
        body = '{"access_token":"@TOKEN@","token_type":"Bearer"}'
        # With a status line and an empty one.
        lines = ["HTTP/1.1 200 OK", *["X: y"] * fillers, "", body]
        return "\r\n".join(lines)

    endpoint.next(raw=answer(198))
    assert fetcher.fetch()["outcome"] == "granted"
    endpoint.next(raw=answer(199))
    assert_outcome(fetcher.fetch(), "failed", "the header of the answer is too long", sent=True)


@pytest.mark.parametrize("what", ["reset", "close", "truncated"])
def test_broken_connection_has_failed_and_was_sent(fetcher, endpoint, what):
    endpoint.next(what)
    assert_outcome(fetcher.fetch(), "failed", "it is tried again", sent=True)


def test_answer_that_is_no_http_has_failed(fetcher, endpoint):
    endpoint.next(raw="SSH-2.0-OpenSSH\r\n")
    assert_outcome(fetcher.fetch(), "failed", "it is tried again", sent=True)


@pytest.mark.parametrize("what", ["stall", "stall-body", "drip"])
def test_one_deadline_is_over_everything(fetcher, endpoint, what):
    fetcher.keys |= {"timeout": "1s", "connect_timeout": "1s"}
    endpoint.next(what)
    start = time.monotonic()
    outcome = fetcher.fetch()
    assert time.monotonic() - start < 10
    assert_outcome(outcome, "failed", "it is tried again", sent=True)


def test_handshake_that_stalls_was_not_sent(fetcher, endpoint):
    fetcher.keys |= {"timeout": "3s", "connect_timeout": "1s"}
    endpoint.next("stall-handshake")
    assert_outcome(fetcher.fetch(), "failed", "the endpoint is slow", sent=False)


def test_repeated_secret_is_withheld(fetcher, endpoint):
    endpoint.next("echo-secret")
    outcome = fetcher.fetch()
    assert_outcome(outcome, "denied", "(withheld: it contains a credential)", status=401)
    assert "standin-secret" not in json.dumps(outcome)


# Who the endpoint is


@pytest.mark.parametrize("kind", ["wrong-host", "expired", "untrusted"])
def test_certificate_that_does_not_verify_is_denied_before_anything_is_sent(
        fetcher, endpoint, kind):
    endpoint.use_certificate(kind)
    assert_outcome(fetcher.fetch(), "denied", "check token_url and tls_ca_file", sent=False,
                   status=None)
    assert endpoint.requests == []


def test_ca_is_the_systems_where_none_is_configured(fetcher, endpoint):
    fetcher.keys["tls_ca_file"] = None
    assert_outcome(fetcher.fetch(), "denied", "check token_url and tls_ca_file", sent=False)
    assert endpoint.requests == []


@needs_root
def test_ca_file_replaces_the_systems(fetcher, endpoint, tmp_path):
    """In a mount namespace where the system's directory of CAs has the endpoint's, and no other."""
    system = tmp_path / "certs"
    system.mkdir()
    shutil.copy(endpoint.ca_file, system / "ca-certificates.crt")
    shutil.copy(endpoint.ca_file, system / "ours.pem")
    subprocess.run(["openssl", "rehash", system], check=True, capture_output=True)
    inside = tmp_path / "inside"
    inside.write_text(f'''#!/bin/sh
exec unshare --mount sh -c 'mount --bind {system} /etc/ssl/certs && exec "$@"' sh {fetcher.program} "$@"
''')
    inside.chmod(0o755)
    fetcher.program = inside
    fetcher.keys["tls_ca_file"] = None
    assert fetcher.fetch()["outcome"] == "granted"
    fetcher.keys["tls_ca_file"] = certificates.make_authority(tmp_path, "another")
    assert_outcome(fetcher.fetch(), "denied", "check token_url and tls_ca_file", sent=False)
    assert len(endpoint.requests) == 1


def test_missing_ca_file_is_misconfigured(fetcher, tmp_path):
    fetcher.keys["tls_ca_file"] = tmp_path / "none.pem"
    assert_outcome(fetcher.fetch(), "misconfigured", "check tls_ca_file", sent=False)


def test_plain_http_is_refused(fetcher):
    fetcher.keys |= {"token_url": "http://example.com/token", "tls_ca_file": None}
    assert_outcome(fetcher.fetch(), "misconfigured", "token_url", sent=False)


def test_plain_http_goes_to_a_loopback_address(fetcher):
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            body = b'{"access_token":"plain","token_type":"Bearer"}'
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (
                len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        port = listener.getsockname()[1]
        fetcher.keys |= {"token_url": f"http://localhost:{port}/token", "tls_ca_file": None}
        assert fetcher.fetch()["access_token"] == "plain"
        thread.join()


def test_endpoint_that_is_not_there_has_failed(fetcher, endpoint):
    endpoint.stop()
    assert_outcome(fetcher.fetch(), "failed", "check token_url and the firewall", sent=False)


def test_name_that_does_not_resolve_has_failed(fetcher):
    fetcher.keys |= {"token_url": "https://none.invalid/token", "tls_ca_file": None}
    assert_outcome(fetcher.fetch(), "failed", "check token_url and DNS", sent=False)


# What is here


def test_missing_credential_is_misconfigured_and_logged(fetcher, endpoint):
    fetcher.secret_file.unlink()
    words = f"client_secret (file:{fetcher.secret_file}): cannot be read: No such file"
    outcome = fetcher.fetch()
    assert_outcome(outcome, "misconfigured", "cannot be read: No such file", sent=False)
    assert "client_secret (file:" in outcome["message"]
    assert words[:80] in fetcher.said and fetcher.said.startswith("<3>bearerd-fetch: ")
    assert endpoint.records("connection", "token") == []


def test_mode_that_lets_others_read_is_refused(fetcher, endpoint):
    fetcher.secret_file.chmod(0o640)
    assert_outcome(fetcher.fetch(), "misconfigured", "its mode 0640 lets others", sent=False)
    assert endpoint.requests == []


def test_rotated_secret_is_used_at_the_next_fetch(fetcher, endpoint):
    fetcher.secret_file.write_text("wrong")
    assert_outcome(fetcher.fetch(), "denied", "check client_id", status=401)
    fetcher.secret_file.write_text(endpoint.client_secret + "\n")
    assert fetcher.fetch()["outcome"] == "granted"


def test_credentials_of_systemd_and_of_the_environment(fetcher, endpoint, tmp_path):
    fetcher.environment |= {"CREDENTIALS_DIRECTORY": str(tmp_path), "ID": endpoint.client_id}
    fetcher.keys |= {"client_id": "env:ID", "client_secret": "credential:client_secret"}
    assert fetcher.fetch()["outcome"] == "granted"


def test_token_that_is_not_configured_is_misconfigured(fetcher):
    assert_outcome(fetcher.fetch("other"), "misconfigured", "has no token other", sent=False)


def test_mistakes_of_the_configuration_are_counted(fetcher):
    fetcher.keys |= {"colour": "blue", "timeout": "soon"}
    assert_outcome(fetcher.fetch(), "misconfigured", "2 mistakes in all", sent=False)


@pytest.mark.parametrize("request_", [b"", b"athena", b"Athena\n", b"a" * 33 + b"\n",
                                      b"athena\nathena\n"])
def test_what_is_no_name_gets_no_answer(fetcher, endpoint, request_):
    process, ours = fetcher.start()
    ours.sendall(request_)
    ours.shutdown(socket.SHUT_WR)
    assert fetcher.finish(process, ours) == b""
    assert "no token's name came" in fetcher.said
    assert endpoint.requests == []


def test_silent_peer_is_given_up(fetcher):
    process, ours = fetcher.start()
    ours.sendall(b"athe")
    start = time.monotonic()
    assert fetcher.finish(process, ours) == b""
    assert 4 < time.monotonic() - start < 10
    assert "no token's name came: Connection timed out" in fetcher.said


def test_peer_that_dies_is_no_trouble(fetcher, endpoint):
    endpoint.next("500", delay=0.2)
    process, ours = fetcher.start()
    ours.sendall(b"athena\n")
    endpoint.wait_for_requests(1, timeout=TIMEOUT)
    ours.close()
    said, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, said) == (0, "")


def test_stdin_that_is_no_socket_is_told(fetcher):
    done = subprocess.run(fetcher.arguments(), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 64
    assert "stdin is no socket" in done.stderr


# --check-config


def test_check_of_a_good_configuration(fetcher, endpoint):
    done = fetcher.check()
    config = fetcher.directory / "bearerd.conf"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{config}: 1 token, all good\n", "")
    assert endpoint.requests == []


def test_check_names_every_credential_that_cannot_be_had(fetcher, tmp_path):
    fetcher.secret_file.chmod(0o644)
    fetcher.keys["tls_ca_file"] = tmp_path / "none.pem"
    done = fetcher.check()
    assert (done.returncode, done.stdout) == (78, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "[token athena] client_secret (file:" in lines[0] and "its mode 0644" in lines[0]
    assert "none.pem cannot be read: No such file" in lines[1]


def test_check_names_every_mistake_of_the_file(fetcher):
    fetcher.keys |= {"colour": "blue", "timeout": "soon", "client_secret": "hunter2"}
    done = fetcher.check()
    assert (done.returncode, done.stdout) == (78, "")
    assert len(done.stderr.splitlines()) == 3
    assert "hunter2" not in done.stderr
