# SPDX-License-Identifier: MIT
"""What a token request has besides credentials, and by which way it goes."""

import base64
import hashlib
import json
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from fetcher import TIMEOUT, Fetcher, assert_outcome
from forwarder import Forwarder


@pytest.fixture(name="fetcher")
def a_fetcher(programs, endpoint, tmp_path):
    return Fetcher(programs.fetch, tmp_path, endpoint)


def test_form_has_what_is_asked_for_besides(fetcher, endpoint):
    endpoint.allow("resource", "audience", "connection", "flag", "size")
    fetcher.keys |= {"resource": "https://a.example/x?y=1, urn:b",
                     "audience": "https://api.example/",
                     "form": ["connection=Main & only = one", "flag=", "size=+1% größer"]}
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert parse_qsl(request.body, keep_blank_values=True, strict_parsing=True) == [
        ("grant_type", "client_credentials"),
        ("scope", fetcher.keys["scope"]),
        ("audience", "https://api.example/"),
        ("resource", "https://a.example/x?y=1"),
        ("resource", "urn:b"),
        ("connection", "Main & only = one"),
        ("flag", ""),
        ("size", "+1% größer"),
    ]


def test_headers_are_there_as_they_are_written(fetcher, endpoint):
    fetcher.keys["header"] = ["X-Tenant: a, \"b\";c", "X-Flag: 1", "X-Flag: 2"]
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert [pair for pair in request.headers if pair[0].startswith("X-")] == [
        ["X-Tenant", "a, \"b\";c"], ["X-Flag", "1"], ["X-Flag", "2"]]
    assert request.header("Authorization").startswith("Basic ")


def test_name_that_looks_encoded_is_not_what_it_looks_like(fetcher, endpoint):
    endpoint.allow("grant%5ftype", "scope\t", "Grant+Type")
    fetcher.keys["form"] = ["grant%5ftype=refresh_token", "Grant+Type=password"]
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert parse_qsl(request.body, strict_parsing=True) == [
        ("grant_type", "client_credentials"), ("scope", fetcher.keys["scope"]),
        ("grant%5ftype", "refresh_token"), ("Grant+Type", "password")]


@pytest.mark.parametrize("key, value", [
    *[("form", f"{name}=x") for name in (
        "grant_type", "scope", "resource", "audience", "client_id", "client_secret", "assertion",
        "client_assertion", "client_assertion_type", "GRANT_TYPE")],
    *[("form", text) for text in ("x", "=x", "a&scope=x", "a scope=x", "a\rb=x", "a\0b=x")],
    *[("header", f"{name}: x") for name in (
        "Accept", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie",
        "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "User-Agent", "AUTHORIZATION")],
    *[("header", text) for text in (
        "X", "X:", "X: ", "X:x", ": x", "X : x", "X;", "Authorization : x", " Authorization: x",
        "X: a\rAuthorization: x", "X: a\0b", "X: \x7f", "X: ä")],
], ids=ascii)
def test_what_the_request_has_anyway_is_not_written_again(fetcher, endpoint, key, value):
    """Nor is there a way around it: no line ends within one."""
    fetcher.keys[key] = value
    done = fetcher.check()
    assert done.returncode == 78 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert_outcome(fetcher.fetch(), "misconfigured", "bearerd.conf:", sent=False)
    assert endpoint.requests == []


# The way


def pin_of(endpoint):
    """As the man page of curl makes it."""
    public = subprocess.run(["openssl", "x509", "-in", endpoint.directory / "server.pem", "-pubkey",
                             "-noout"], check=True, capture_output=True, text=True).stdout
    key = ssl.PEM_cert_to_DER_cert(public.replace("PUBLIC KEY", "CERTIFICATE"))
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


def test_key_that_is_pinned_must_be_the_endpoints(fetcher, endpoint):
    other = "sha256//" + base64.b64encode(bytes(32)).decode()
    fetcher.keys["tls_pinned_key"] = f"{other};{pin_of(endpoint)}"
    assert fetcher.fetch()["outcome"] == "granted"
    fetcher.keys["tls_pinned_key"] = other
    assert_outcome(fetcher.fetch(), "denied", "check token_url and tls_pinned_key", sent=False)
    assert len(endpoint.requests) == 1


def test_proxy_is_told_who_asks(fetcher, endpoint):
    with Forwarder("us & them", "p@ss:word") as forwarder:
        password = fetcher.file("proxy_password", "p@ss:word\n")
        fetcher.keys |= {"proxy": forwarder.url, "proxy_user": "us & them",
                         "proxy_password": f"file:{password}", "header": "X-Ours: 1"}
        assert fetcher.fetch()["outcome"] == "granted"
        password.write_text("wrong")
        outcome = fetcher.fetch()
    assert_outcome(outcome, "denied", "check proxy_user and proxy_password", sent=False)
    assert "p@ss" not in json.dumps(outcome)
    [request] = endpoint.requests
    assert request.header("Proxy-Authorization") is None
    assert request.header("X-Ours") == "1"
    for head in forwarder.heads:
        assert not any(line.startswith(("X-Ours", "Authorization")) for line in head)


def test_password_of_the_proxy_that_is_missing_is_told(fetcher):
    fetcher.keys |= {"proxy": "http://127.0.0.1:1", "proxy_user": "us",
                     "proxy_password": "file:/nowhere/password"}
    assert_outcome(fetcher.fetch(), "misconfigured", "proxy_password (file:/nowhere/password)",
                   sent=False)
    done = fetcher.check()
    assert done.returncode == 78 and "proxy_password (file:/nowhere/password)" in done.stderr


@pytest.mark.parametrize("host, source", [("127.0.0.1", "127.0.0.9"), ("::1", "::1")])
def test_connection_comes_from_the_address_that_is_written(fetcher, host, source):
    peers = []

    def serve(listener):
        connection, peer = listener.accept()
        peers.append(peer[0])
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        where = f"[{host}]" if ":" in host else host
        fetcher.keys |= {"token_url": f"http://{where}:{listener.getsockname()[1]}/",
                         "tls_ca_file": None, "source_address": source}
        assert_outcome(fetcher.fetch(), "failed", "HTTP 503")
        thread.join()
    assert peers == [source]


@pytest.mark.parametrize("source, kind, words", [
    ("192.0.2.1", "misconfigured", "check source_address"),
    ("::1", "failed", "check token_url, source_address and the firewall"),
], ids=["of nobody", "of another family"])
def test_address_that_cannot_be_used_is_told(fetcher, endpoint, source, kind, words):
    fetcher.keys |= {"source_address": source,
                     "token_url": endpoint.token_url.replace("localhost", "127.0.0.1")}
    assert_outcome(fetcher.fetch(), kind, words, sent=False)
    assert endpoint.requests == []


def test_http_2_where_it_is_written(fetcher, endpoint):
    script = Path(__file__).with_name("h2server.js")
    arguments = ["node", script, endpoint.directory / "server.pem", endpoint.directory / "server.key"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as server:
        try:
            fetcher.keys["token_url"] = f"https://localhost:{int(server.stdout.readline())}/token"
            fetcher.keys["http_version"] = "2"
            assert fetcher.fetch()["access_token"] == "by-2.0"
            fetcher.keys["http_version"] = "1.1"
            assert fetcher.fetch()["outcome"] == "failed"
        finally:
            server.kill()
            server.wait(TIMEOUT)
