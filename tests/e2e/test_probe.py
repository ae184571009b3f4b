# SPDX-License-Identifier: MIT
"""bearerd-fetch --probe: a look at credentials and endpoint that asks for no token and sends none of
them."""

import json
import os
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress

import certificates
import pytest
from forwarder import Forwarder

TIMEOUT = 30
CHECKS = ["client_auth", "dns", "tcp", "tls", "clock"]


@pytest.fixture(name="config")
def a_config(endpoint, tmp_path):
    path = tmp_path / "bearerd.conf"
    secret = tmp_path / "secret"
    secret.write_text(endpoint.client_secret)
    secret.chmod(0o600)

    def write(**keys):
        keys = {"token_url": endpoint.token_url, "tls_ca_file": endpoint.ca_file,
                "client_id": endpoint.client_id, "client_secret": f"file:{secret}"} | keys
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        path.write_text("\n".join(["[token athena]", *lines, ""]))
        return path

    return write


@pytest.fixture(name="probe")
def a_probe(programs, config):
    def run(name="athena", environment=None, **keys):
        return subprocess.run([programs.fetch, "--config", config(**keys), "--probe", name],
                              capture_output=True, text=True, check=False, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, env=os.environ | (environment or {}))
    return run


@contextmanager
def wanting_a_certificate(endpoint):
    """The port of an endpoint that ends a handshake without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(endpoint.directory / "server.pem", endpoint.directory / "server.key")
    context.load_verify_locations(endpoint.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def serve(listener):
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def checks(text):
    line, rest = text.split("\n", 1)
    assert rest == ""
    return json.loads(line)["checks"]


def on_socket(programs, config):
    """What it finds when it is asked there, as the unit is."""
    ours, theirs = socket.socketpair()
    ours.settimeout(TIMEOUT)
    with ours, theirs:
        with subprocess.Popen([programs.fetch, "--config", config], stdin=theirs) as process:
            theirs.close()
            ours.sendall(b"probe athena\n")
            text = b"".join(iter(lambda: ours.recv(65536), b"")).decode()
        assert process.returncode == 0
    return checks(text)


def test_sends_no_credential_and_asks_for_no_token(probe, endpoint):
    done = probe()
    assert (done.returncode, done.stderr) == (0, "")
    assert endpoint.client_secret not in done.stdout
    found = checks(done.stdout)
    assert [(each["check"], each["result"]) for each in found] == [(each, "ok") for each in CHECKS]
    look, = endpoint.records("look")
    assert (look.method, look.body) == ("HEAD", "")
    assert not look.header("Authorization")
    assert not endpoint.token_requests


def test_on_its_socket(programs, config, endpoint):
    assert [each["check"] for each in on_socket(programs, config())] == CHECKS
    assert len(endpoint.records("look")) == 1 and not endpoint.token_requests


def test_what_the_unit_cannot_read_is_wrong(programs, config, endpoint, tmp_path):
    key = tmp_path / "key"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    signs = {"client_auth": "private_key_jwt", "client_secret": None, "private_key": f"file:{key}"}
    for keys, words in [
            ({"client_secret": "file:/nowhere/secret"}, "client_secret (file:/nowhere/secret)"),
            (signs | {"signing_algorithm": "ES384"}, "ES384 takes an EC key on P-384"),
            ({"proxy": "http://127.0.0.1:1", "proxy_user": "us",
              "proxy_password": "env:NOT_THERE"}, "proxy_password (env:NOT_THERE)")]:
        [found] = on_socket(programs, config(**keys))
        assert (found["check"], found["result"]) == ("client_auth", "wrong")
        assert words in found["message"] and found["mend"]
    assert endpoint.records("look") == []


def test_what_somebody_else_cannot_read_is_skipped(probe, endpoint):
    found = checks(probe(client_secret="credential:secret").stdout)
    assert [each["check"] for each in found] == CHECKS
    assert found[0]["result"] == "skipped" and "CREDENTIALS_DIRECTORY" in found[0]["message"]


@pytest.mark.parametrize("days, result, words", [
    (13, "warning", "tls_client_auth: client_certificate expires in 1"),
    (20, "ok", "tls_client_auth: what it takes is there, and of use"),
    (-1, "wrong", "it has expired: put a new one there"),
])
def test_certificate_is_told_of_in_its_last_two_weeks(programs, config, endpoint, tmp_path, days,
                                                      result, words):
    key = tmp_path / "key"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    certificate = certificates.make_client(endpoint.directory, "ours", key, days)
    found = on_socket(programs, config(
        client_auth="tls_client_auth", client_secret=None, private_key=f"file:{key}",
        client_certificate=f"file:{certificate}"))
    assert (found[0]["check"], found[0]["result"]) == ("client_auth", result)
    assert words in found[0]["message"]
    assert len(found) == (1 if result == "wrong" else len(CHECKS))


@pytest.mark.parametrize("request_line", [b"probe \n", b"probe  athena\n", b"PROBE athena\n",
                                          b"probe athena x\n", b"probe\tathena\n"])
def test_what_is_no_probe_is_answered_with_nothing(programs, config, endpoint, request_line):
    ours, theirs = socket.socketpair()
    ours.settimeout(TIMEOUT)
    with ours, theirs:
        with subprocess.Popen([programs.fetch, "--config", config()], stdin=theirs,
                              stderr=subprocess.DEVNULL):
            theirs.close()
            ours.sendall(request_line)
            try:
                assert ours.recv(65536) == b""
            except ConnectionResetError:
                pass    # it left what it was sent unread
    assert not endpoint.requests


@pytest.mark.parametrize("name, status, said", [("nope", 0, "has no token nope"), ("", 64, ""),
                                                ("NO", 64, "")])
def test_name(probe, endpoint, name, status, said):
    done = probe(name)
    assert done.returncode == status
    assert said in done.stdout
    assert not endpoint.requests


def test_configuration_that_is_wrong(probe, endpoint):
    found, = checks(probe(scop="x").stdout)
    assert (found["check"], found["result"]) == ("configuration", "wrong")
    assert not endpoint.requests


def test_nothing_is_sent_to_who_does_not_verify(probe, endpoint):
    endpoint.use_certificate("untrusted")
    *_, last = checks(probe().stdout)
    assert (last["check"], last["result"]) == ("tls", "wrong")
    assert not endpoint.requests


def test_plain_http_is_for_loopback_alone(probe, tmp_path):
    *_, last = checks(probe(token_url="http://localhost:1/token", tls_ca_file=None).stdout)
    assert (last["check"], last["result"]) == ("tcp", "wrong")


def test_proxy_that_is_not_there(probe, endpoint):
    found = checks(probe(proxy="http://nothing.invalid:3128").stdout)
    assert [(each["check"], each["result"]) for each in found[1:]] == [("dns", "wrong")]
    found = checks(probe(proxy="http://127.0.0.1:1").stdout)
    assert [(each["check"], each["result"]) for each in found[1:]] == [
        ("dns", "ok"), ("tcp", "wrong")]
    assert not endpoint.requests


def test_proxy_that_wants_to_know_who_asks_is_told_nothing(probe, endpoint):
    with Forwarder("us", "password") as forwarder:
        *_, last = checks(probe(proxy=forwarder.url).stdout)
        assert (last["check"], last["result"]) == ("tcp", "wrong")
        assert "proxy_user" in last["mend"]
        *_, last = checks(probe(proxy=forwarder.url, proxy_user="us",
                                proxy_password="file:/nowhere/password").stdout)
        assert (last["check"], last["result"]) == ("tcp", "skipped")
        assert "proxy_user" in last["message"]
    assert not any(line.startswith("Proxy-Authorization") for head in forwarder.heads
                   for line in head)
    assert not endpoint.requests


def test_goes_from_the_address_that_is_written(probe, endpoint):
    *_, last = checks(probe(source_address="192.0.2.1").stdout)
    assert (last["result"], last["mend"]) == ("wrong", "check source_address")
    assert not endpoint.requests


def test_key_that_is_pinned_must_be_the_endpoints(probe, endpoint):
    *_, last = checks(probe(tls_pinned_key=f"sha256//{'A' * 43}=").stdout)
    assert (last["check"], last["result"], last["mend"]) == ("tls", "wrong", "check tls_pinned_key")
    assert not endpoint.requests


def test_certificate_of_the_client_is_not_shown(probe, endpoint):
    with wanting_a_certificate(endpoint) as port:
        *_, last = checks(probe(token_url=f"https://localhost:{port}/", client_secret=None,
                                client_auth="tls_client_auth", private_key="file:/nowhere/key",
                                client_certificate="file:/nowhere/certificate").stdout)
    assert (last["check"], last["result"]) == ("tls", "skipped")
    with wanting_a_certificate(endpoint) as port:
        *_, last = checks(probe(token_url=f"https://localhost:{port}/").stdout)
    assert (last["check"], last["result"]) == ("tls", "wrong")


def test_without_a_url_it_looks_at_the_issuer(probe, endpoint):
    found = checks(probe(token_url=None, issuer=f"{endpoint.base_url}/x",
                         tls_pinned_key=f"sha256//{'A' * 43}=").stdout)
    skipped = found.pop(1)
    assert (skipped["check"], skipped["result"]) == ("token_url", "skipped")
    assert [(each["check"], each["result"]) for each in found] == [(each, "ok") for each in CHECKS]
    look, = endpoint.requests
    assert (look.method, look.target) == ("HEAD", "/x/.well-known/openid-configuration")
    *_, last = checks(probe(token_url=None, issuer="https://nothing.invalid").stdout)
    assert last["mend"] == "check the host in issuer, and /etc/resolv.conf"


@pytest.mark.parametrize("how", ["stall", "reset", "close"])
def test_handshake_that_does_not_end(probe, endpoint, how):
    endpoint.behave(how, on="connection")
    *_, last = checks(probe(timeout="1s", connect_timeout="1s").stdout)
    # curl may meet a reset before it has seen that the connection stood.
    assert (last["check"] == "tls" or (how, last["check"]) == ("reset", "tcp"))
    assert last["result"] == "wrong"


def test_no_keys_of_tls_are_written(probe, tmp_path):
    file = tmp_path / "keys"
    assert probe(environment={"SSLKEYLOGFILE": str(file)}).returncode == 0
    assert not file.exists()
