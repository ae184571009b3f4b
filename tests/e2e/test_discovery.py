# SPDX-License-Identifier: MIT
"""An issuer that says itself what its token endpoint is, or does not."""

import json
import os
import time

import certificates
import pytest
from fetcher import Fetcher, assert_outcome

OPENID = "/.well-known/openid-configuration"
ADVICE = "check issuer and discovery"


@pytest.fixture(name="fetcher")
def a_fetcher(programs, endpoint, tmp_path):
    fetcher = Fetcher(programs.fetch, tmp_path, endpoint)
    fetcher.keys |= {"token_url": None, "issuer": endpoint.base_url}
    return fetcher


@pytest.fixture(name="cache")
def a_cache(fetcher, tmp_path):
    """The file in which the document is kept."""
    (tmp_path / "cache").mkdir(0o700)
    fetcher.environment["CACHE_DIRECTORY"] = str(tmp_path / "cache")
    return tmp_path / "cache/athena.discovery"


def looks(endpoint):
    return [each.target for each in endpoint.records("metadata")]


def age(file, seconds):
    then = time.time() - seconds
    os.utime(file, (then, then))


@pytest.mark.parametrize("kind, path, target", [
    ("openid", "", OPENID),
    (None, "", OPENID),
    ("openid", "/", OPENID),
    ("openid", "/realms/x", "/realms/x" + OPENID),
    ("oauth", "", "/.well-known/oauth-authorization-server"),
    ("oauth", "/x/y", "/.well-known/oauth-authorization-server/x/y"),
    ("smart", "/fhir/r4", "/fhir/r4/.well-known/smart-configuration"),
])
def test_endpoint_is_found_where_its_kind_has_it(fetcher, endpoint, kind, path, target):
    issuer = endpoint.base_url + path
    endpoint.describe(target, issuer=None if kind == "smart" else issuer)
    fetcher.keys |= {"issuer": issuer, "discovery": kind}
    assert fetcher.fetch()["outcome"] == "granted"
    assert [each.target for each in endpoint.requests] == [target, "/oauth2/v1/token"]


def test_it_is_kept_for_a_day(fetcher, endpoint, cache):
    endpoint.describe()
    assert [fetcher.fetch()["outcome"] for _ in range(2)] == ["granted"] * 2
    assert len(looks(endpoint)) == 1
    assert cache.stat().st_mode & 0o777 == 0o600
    age(cache, 86400 - 60)
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 1
    age(cache, 86400 + 60)
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 2
    age(cache, -3600)   # the clock was set back
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 3
    assert os.listdir(cache.parent) == [cache.name]


def test_it_is_asked_for_each_time_where_nothing_is_kept(fetcher, endpoint):
    endpoint.describe()
    assert [fetcher.fetch()["outcome"] for _ in range(2)] == ["granted"] * 2
    assert len(looks(endpoint)) == 2


@pytest.mark.parametrize("what, changes, described, words", [
    ("503", {}, {}, "HTTP 503: it is tried again"),
    ("401", {}, {}, f"HTTP 401: {ADVICE}"),
    ("302", {}, {}, f"HTTP 302: {ADVICE}"),
    ("normal", {"status": 404}, {}, f"HTTP 404: {ADVICE}"),
    ("normal", {"body": "<html>"}, {}, f"not one JSON object: {ADVICE}"),
    ("normal", {}, {"issuer": "https://elsewhere.example"}, f"it is of another issuer than is configured: {ADVICE}"),
    ("reset", {}, {}, "it is tried again"),
])
def test_old_document_is_good_while_the_issuer_names_no_endpoint(fetcher, endpoint, cache, what,
                                                                 changes, described, words):
    """Whatever keeps it from that: a token goes on to be renewed, and the operator is told."""
    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"
    before = cache.read_text()
    age(cache, 30 * 86400)
    endpoint.describe(**described)
    endpoint.next(what, on="metadata", **changes)
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.said.startswith("<4>bearerd-fetch: token athena: the issuer names no endpoint, "
                                   "the one before is used: ")
    assert fetcher.said.endswith(f"{words}\n") and fetcher.said.count("\n") == 1
    assert cache.read_text() == before

    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"     # it names one again
    assert fetcher.said == "" and time.time() - cache.stat().st_mtime < 3600


def test_old_document_is_of_no_use_where_this_host_is_at_fault(fetcher, endpoint, cache):
    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"
    age(cache, 2 * 86400)
    fetcher.keys["source_address"] = "192.0.2.1"
    assert_outcome(fetcher.fetch(), "misconfigured", "check source_address", sent=False)
    assert "the one before is used" not in fetcher.said


@pytest.mark.parametrize("what", ["401", "500"])
def test_document_is_doubted_once_a_request_has_failed(fetcher, endpoint, cache, what):
    """The endpoint may have moved."""
    endpoint.describe()
    endpoint.next(what)
    assert fetcher.fetch()["outcome"] in ("denied", "failed")
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 2
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 2


@pytest.mark.parametrize("mode, host", [(0o620, "localhost"), (0o602, "localhost"),
                                        (0o600, "elsewhere"), (0o600, "elsewhere.example")])
def test_document_that_others_could_have_written_is_not_believed(fetcher, endpoint, cache, mode,
                                                                  host):
    endpoint.describe()
    elsewhere = {"issuer": endpoint.base_url, "token_endpoint": "https://elsewhere.example/"}
    where = endpoint.base_url.replace("localhost", host) + OPENID
    cache.write_text(f"{where}\n{json.dumps(elsewhere)}")
    cache.chmod(mode)
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 1


@pytest.mark.parametrize("spoil", [
    lambda cache, text: cache.write_text(text[:-1]),
    lambda cache, text: cache.write_text(text[:20]),
    lambda cache, text: cache.write_text(""),
    lambda cache, text: cache.write_text(text + "x" * 65536),
    lambda cache, text: cache.write_text(text.replace('"issuer": "https', '"issuer": "http')),
    lambda cache, text: cache.write_text(text.replace('"token_endpoint": "https:', '"token_endpoint": "http:')),
    lambda cache, text: (cache.unlink(), cache.mkdir()),
    lambda cache, text: (cache.unlink(), os.mkfifo(cache, 0o600)),
    lambda cache, text: (cache.unlink(), cache.symlink_to("/dev/zero")),
    lambda cache, text: os.chown(cache, 65534, 65534),
], ids=["cut", "cut early", "empty", "too long", "issuer", "http", "directory", "fifo", "device",
        "of another user"])
def test_document_that_was_spoilt_is_not_believed(fetcher, endpoint, cache, spoil):
    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"
    spoil(cache, cache.read_text())
    assert fetcher.fetch()["outcome"] == "granted"
    assert len(looks(endpoint)) == 2
    age(cache, 2 * 86400)
    endpoint.next("503", on="metadata")
    if cache.is_dir():      # nothing can be put in its place
        assert_outcome(fetcher.fetch(), "failed", "HTTP 503", sent=False)
    else:
        assert fetcher.fetch()["outcome"] == "granted"


def test_spoilt_document_is_of_no_use_in_need_either(fetcher, endpoint, cache):
    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"
    cache.write_text(cache.read_text()[:-1])
    endpoint.next("503", on="metadata")
    assert_outcome(fetcher.fetch(), "failed", "HTTP 503: it is tried again", sent=False)


def test_directory_that_cannot_be_written_to_is_no_trouble(fetcher, endpoint):
    endpoint.describe()
    fetcher.environment["CACHE_DIRECTORY"] = "/proc/nowhere"
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.said == ""


# What is no document


@pytest.mark.parametrize("members, words", [
    ({"issuer": "https://elsewhere.example"}, "it is of another issuer than is configured"),
    ({"issuer": None}, "it has no issuer"),
    ({"token_endpoint": None}, "it has no token_endpoint"),
    ({"token_endpoint": "http://elsewhere.example/"}, "its token_endpoint is not https"),
    ({"token_endpoint": "http://localhost/"}, "its token_endpoint is not https"),
    ({"token_endpoint": "https://a@elsewhere.example/"}, "no URL that can be used"),
])
def test_document_that_does_not_hold_is_denied(fetcher, endpoint, cache, members, words):
    endpoint.describe(**members)
    assert_outcome(fetcher.fetch(), "denied", f"{words}: {ADVICE}"[:90], sent=False)
    assert endpoint.token_requests == [] and not cache.exists()


@pytest.mark.parametrize("what, changes, kind, words", [
    ("302", {}, "denied", f"HTTP 302: {ADVICE}"),
    ("normal", {"status": 404}, "denied", f"HTTP 404: {ADVICE}"),
    ("normal", {"status": 201}, "denied", f"HTTP 201: {ADVICE}"),
    ("500-html", {}, "failed", "HTTP 500: it is tried again"),
    ("429", {"retry_after": 7}, "failed", "HTTP 429: it is tried again"),
    ("normal", {"size": 65537}, "denied", "it is longer than 65536 bytes"),
    ("normal", {"body": "<html>"}, "denied", "not one JSON object"),
    ("endless-headers", {}, "failed", "the header of the answer is too long"),
    ("reset", {}, "failed", "it is tried again"),
])
def test_answer_that_is_no_document_is_told(fetcher, endpoint, cache, what, changes, kind, words):
    endpoint.describe()
    endpoint.next(what, on="metadata", **changes)
    outcome = fetcher.fetch()
    assert_outcome(outcome, kind, words, sent=False)
    assert outcome.get("retry_after") == changes.get("retry_after")
    assert endpoint.token_requests == [] and not cache.exists()


def test_document_at_the_limit_is_taken(fetcher, endpoint):
    endpoint.describe()
    endpoint.next(on="metadata", size=65536)
    assert fetcher.fetch()["outcome"] == "granted"


def test_issuer_that_hangs_leaves_time_for_the_request(fetcher, endpoint, cache):
    fetcher.keys |= {"timeout": "2s", "connect_timeout": "1s"}
    endpoint.describe()
    assert fetcher.fetch()["outcome"] == "granted"
    age(cache, 2 * 86400)
    endpoint.next("stall", on="metadata")
    start = time.monotonic()
    assert fetcher.fetch()["outcome"] == "granted"
    assert 0.9 < time.monotonic() - start < 2


@pytest.mark.parametrize("trouble, kind, words", [
    ("stopped", "failed", "check issuer and the firewall"),
    ("untrusted", "denied", "check issuer and tls_ca_file"),
])
def test_issuer_that_is_not_there_is_told_by_its_setting(fetcher, endpoint, trouble, kind, words):
    endpoint.describe()
    if trouble == "stopped":
        endpoint.stop()
    else:
        endpoint.use_certificate(trouble)
    assert_outcome(fetcher.fetch(), kind, words, sent=False)


# What it is for


def test_pinned_key_is_not_the_issuers(fetcher, endpoint):
    endpoint.describe()
    fetcher.keys["tls_pinned_key"] = "sha256//" + "A" * 43 + "="
    assert_outcome(fetcher.fetch(), "denied", "check issuer and tls_pinned_key", sent=False)
    assert len(looks(endpoint)) == 1


@pytest.mark.parametrize("audience", ["issuer", "token_url", None])
def test_assertion_is_for_the_issuer_or_what_it_named(fetcher, endpoint, audience):
    endpoint.describe()
    key, public = fetcher.directory / "private_key", fetcher.directory / "public"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    certificates.openssl("pkey", "-in", key, "-pubout", "-out", public)
    fetcher.keys |= {"client_auth": "private_key_jwt", "signing_algorithm": "ES256",
                     "private_key": f"file:{key}", "client_secret": None, "basic_encoding": None,
                     "client_id": "ours", "assertion_audience": audience}
    endpoint.register("ours", "private_key_jwt", algorithm="ES256", public_key=public,
                      audience=endpoint.base_url if audience == "issuer" else endpoint.token_url)
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.check().returncode == 0
    assert len(looks(endpoint)) == 1


def test_certificate_is_shown_where_there_is_an_endpoint_for_it(fetcher, endpoint):
    endpoint.describe(token_endpoint=endpoint.base_url + "/v1/other",
                      mtls_endpoint_aliases={"token_endpoint": endpoint.token_url})
    key = fetcher.directory / "private_key"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    certificate = certificates.make_client(endpoint.directory, "ours", key)
    fetcher.keys |= {"client_auth": "tls_client_auth", "client_secret": None, "client_id": "ours",
                     "basic_encoding": None, "private_key": f"file:{key}",
                     "client_certificate": f"file:{certificate}"}
    endpoint.register("ours", "tls_client_auth", certificate=certificate)
    assert fetcher.fetch()["outcome"] == "granted"
    [look] = endpoint.records("metadata")
    assert look.decision == "correct"


def test_bearerd_serves_a_token_of_an_issuer(broker, endpoint):
    endpoint.describe()
    bearerd = broker(token_url=None, issuer=endpoint.base_url)
    assert bearerd.get("/v1/token").body["access_token"] == endpoint.tokens[0]
