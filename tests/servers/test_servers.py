# SPDX-License-Identifier: MIT
"""bearerd-fetch before servers that others wrote: what they document is what is configured, and they
alone decide. $BEARERD_BUILD is meson's build directory, $NODE_MODULES where npm put them."""

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from urllib.parse import urlencode

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "standin"), str(TESTS / "e2e")]

import certificates  # noqa: E402
from fetcher import TIMEOUT, Fetcher, assert_outcome  # noqa: E402
from jwcrypto.jwk import JWK  # noqa: E402
from jwcrypto.jwt import JWT  # noqa: E402

SECRET = "a secret/with+some=special&characters:%"
ALGORITHMS = ["RS256", "RS384", "PS256", "ES256", "ES384"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RESOURCE = "https://api.example/v1"
BUILD = Path(os.environ["BEARERD_BUILD"]).resolve()
FETCH = BUILD / "daemon/fetch/bearerd-fetch"


class Server:
    """One of them, as far as a Fetcher knows an endpoint."""

    client_secret = SECRET

    def __init__(self, script, directory, clients):
        self.directory = directory
        self.ca_file = certificates.make_authority(directory)
        certificates.make_leaf(directory, "good")
        (directory / "clients.json").write_text(json.dumps(clients))
        self.process = subprocess.Popen(
            ["node", Path(__file__).with_name(script), os.environ["NODE_MODULES"], directory],
            stdout=subprocess.PIPE, text=True)
        ports = map(int, self.process.stdout.readline().split())
        self.url, *self.mutual = [f"https://localhost:{port}" for port in ports]
        self.token_url, self.client_id = self.url + "/token", "basic"

    def stop(self):
        self.process.kill()
        self.process.communicate(timeout=TIMEOUT)


def client(name, method, **more):
    return {"client_id": name, "token_endpoint_auth_method": method, "redirect_uris": [],
            "response_types": [], "grant_types": ["client_credentials"], "scope": "read write"} | more


@pytest.fixture(name="keys", scope="module")
def some_keys(tmp_path_factory):
    """A directory with ALGORITHM, ALGORITHM.pem and ALGORITHM.jwks for each of them, as `bearerctl
    keygen` makes and prints them."""
    directory = tmp_path_factory.mktemp("keys")
    for algorithm in ALGORITHMS:
        file = directory / algorithm
        made = subprocess.run(
            [BUILD / "client/bearerctl", "keygen", "athena", "--fetch", FETCH, "--algorithm",
             algorithm, "--output", file], check=True, capture_output=True, text=True,
            timeout=TIMEOUT)
        (directory / f"{algorithm}.jwks").write_text(made.stdout)
        pem = directory / f"{algorithm}.pem"
        pem.write_bytes(JWK.from_json(file.read_text()).export_to_pem(True, None))
        pem.chmod(0o600)
    return directory


def registered(keys, algorithm):
    """The JWKS of what is registered, and its one key."""
    jwks = json.loads((keys / f"{algorithm}.jwks").read_text())
    [public] = jwks["keys"]
    return jwks, public


@pytest.fixture(name="provider", scope="module")
def the_oidc_provider(tmp_path_factory, keys):
    directory = tmp_path_factory.mktemp("oidc-provider")
    certificates.make_client(directory, "by-ca", keys / "ES256.pem")
    own = certificates.make_client(directory, "by-itself", keys / "ES256.pem", signer=None)
    chain = "".join(own.read_text().split("\n")[1:-2])
    _, public = registered(keys, "ES256")
    server = Server("oidc_provider.mjs", directory, [
        client("basic", "client_secret_basic", client_secret=SECRET, scope="read"),
        client("id/with+some:special", "client_secret_basic", client_secret=SECRET),
        client("post", "client_secret_post", client_secret=SECRET),
        *[client(algorithm, "private_key_jwt", token_endpoint_auth_signing_alg=algorithm,
                 jwks=registered(keys, algorithm)[0]) for algorithm in ALGORITHMS],
        client("by-ca", "tls_client_auth",
               tls_client_auth_subject_dn="CN=by-ca,O=bearerd test"),
        client("by-itself", "self_signed_tls_client_auth",
               jwks={"keys": [public | {"x5c": [chain]}]}),
    ])
    yield server
    server.stop()


@pytest.fixture(name="oauth2", scope="module")
def the_oauth2_server(tmp_path_factory):
    server = Server("oauth2_server.js", tmp_path_factory.mktemp("oauth2-server"),
                    [{"client_id": "basic", "client_secret": SECRET}])
    yield server
    server.stop()


@pytest.fixture(name="fetcher_of")
def a_fetcher_of(tmp_path):
    def make(server, **keys):
        fetcher = Fetcher(FETCH, tmp_path, server)
        fetcher.keys |= {"basic_encoding": None, "scope": "read"} | keys
        return fetcher
    return make


def assert_granted(outcome, **others):
    assert outcome["outcome"] == "granted", outcome
    assert outcome["expires_in"] in (599, 600)
    assert {key: outcome.get(key) for key in others} == others


# oidc-provider


@pytest.mark.parametrize("client_id", ["basic", "id/with+some:special"])
def test_basic_as_rfc_6749_has_it(provider, fetcher_of, client_id):
    client_file = fetcher_of(provider).file("id", client_id)
    fetcher = fetcher_of(provider, client_id=f"file:{client_file}")
    assert_granted(fetcher.fetch(), scope="read")
    if ":" not in client_id:
        fetcher.keys["basic_encoding"] = "raw"
        assert_outcome(fetcher.fetch(), "denied", "check token_url and basic_encoding", status=400,
                       error="invalid_request")


def test_wrong_secret_and_scope(provider, fetcher_of):
    fetcher = fetcher_of(provider, scope="write")
    assert_outcome(fetcher.fetch(), "denied", "check scope", status=400, error="invalid_scope")
    fetcher.secret_file.write_text("wrong")
    assert_outcome(fetcher.fetch(), "denied", "check client_id", status=401, error="invalid_client")


def test_post(provider, fetcher_of):
    assert_granted(fetcher_of(provider, client_id="post", client_auth="post").fetch())


def signed(fetcher_of, server, keys, algorithm, form="JWK", **more):
    key = keys / (algorithm if form == "JWK" else f"{algorithm}.pem")
    return fetcher_of(server, client_id=algorithm, client_auth="private_key_jwt",
                      client_secret=None, signing_algorithm=algorithm, private_key=f"file:{key}",
                      **more)


@pytest.mark.parametrize("form", ["JWK", "PEM"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_private_key_jwt(provider, fetcher_of, keys, algorithm, form):
    fetcher = signed(fetcher_of, provider, keys, algorithm, form)
    assert_granted(fetcher.fetch())
    assert_granted(fetcher.fetch())     # with a "jti" of its own


@pytest.mark.parametrize("more", [
    {"assertion_client_id": "yes"}, {"assertion_lifetime": "5min"}, {"key_id": "KID"},
    {"issuer": "URL", "assertion_audience": "issuer"}])
@pytest.mark.parametrize("form", ["JWK", "PEM"])
def test_settings_of_an_assertion(provider, fetcher_of, keys, form, more):
    known = {"URL": provider.url, "KID": registered(keys, "ES256")[1]["kid"]}
    more = {key: known.get(value, value) for key, value in more.items()}
    assert_granted(signed(fetcher_of, provider, keys, "ES256", form, **more).fetch())


@pytest.mark.parametrize("more", [
    {"assertion_audience": "https://elsewhere.example"}, {"key_id": "another"},
    {"client_id": "ES384"}])
def test_assertion_that_it_does_not_take(provider, fetcher_of, keys, more):
    fetcher = signed(fetcher_of, provider, keys, "ES256")
    fetcher.keys |= more
    assert_outcome(fetcher.fetch(), "denied", "check client_id, private_key", status=401,
                   error="invalid_client")


def ask(server, assertion):
    """A status and an "error" for an ASSERTION that is made here."""
    form = urlencode({"grant_type": "client_credentials", "scope": "read",
                      "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})
    context = ssl.create_default_context(cafile=server.ca_file)
    try:
        with urllib.request.urlopen(server.token_url, form.encode(), TIMEOUT,
                                    context=context) as answer:
            return answer.status, None
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)["error"]


def assertion_of(server, keys, algorithm="ES256", by="ES256", **claims):
    key = JWK.from_json((keys / by).read_text())
    now = int(time.time())
    claims = {"iss": algorithm, "sub": algorithm, "aud": server.token_url, "iat": now,
              "exp": now + 60, "jti": uuid.uuid4().hex} | claims
    jwt = JWT(header={"alg": by, "typ": "JWT", "kid": registered(keys, by)[1]["kid"]},
              claims={name: value for name, value in claims.items() if value is not None})
    jwt.make_signed_token(key)
    return jwt.serialize()


@pytest.mark.parametrize("wrong", [
    {"aud": "https://elsewhere.example/token"}, {"aud": None},
    {"exp": 1_500_000_000}, {"exp": None}, {"jti": None},
    {"iss": "RS256"}, {"iss": None},
    {"by": "ES384"}, {"by": "RS256"},
], ids=str)
def test_provider_does_not_take_just_any_assertion(provider, keys, wrong):
    """Else what it takes of bearerd-fetch would say little."""
    assert ask(provider, assertion_of(provider, keys)) == (200, None)
    status, error = ask(provider, assertion_of(provider, keys, **wrong))
    assert (status, error) in [(401, "invalid_client"), (400, "invalid_request")]


def test_provider_takes_no_assertion_twice(provider, keys):
    assertion = assertion_of(provider, keys)
    assert ask(provider, assertion) == (200, None)
    assert ask(provider, assertion) == (401, "invalid_client")


@pytest.mark.parametrize("name, method", [("by-ca", "tls_client_auth"),
                                          ("by-itself", "self_signed_tls_client_auth")])
def test_certificate(provider, fetcher_of, keys, name, method):
    """The issuer names an endpoint of its own for those who show one (RFC 8705 5)."""
    fetcher = fetcher_of(provider, client_id=name, client_auth=method, client_secret=None,
                         token_url=provider.token_url, private_key=f"file:{keys}/ES256.pem",
                         client_certificate=f"file:{provider.directory}/{name}.pem")
    assert_outcome(fetcher.fetch(), "denied", "check client_id, client_certificate", status=401,
                   error="invalid_client")     # where nobody asks for one
    fetcher.keys |= {"token_url": None, "issuer": provider.url}
    assert_granted(fetcher.fetch())
    [mutual] = provider.mutual
    fetcher.keys |= {"token_url": f"{mutual}/token", "issuer": None}
    assert_granted(fetcher.fetch())
    other = certificates.make_client(fetcher.directory, "other", keys / "ES256.pem",
                                     signer="ca" if name == "by-ca" else None)
    fetcher.keys["client_certificate"] = f"file:{other}"
    if name == "by-ca":     # a self-signed one counts by its key
        assert_outcome(fetcher.fetch(), "denied", "check client_id, client_certificate",
                       status=401, error="invalid_client")


def test_discovery(provider, fetcher_of):
    fetcher = fetcher_of(provider, token_url=None, issuer=provider.url, discovery="openid")
    assert_granted(fetcher.fetch())
    fetcher.keys["discovery"] = "oauth"     # which it does not have
    assert_outcome(fetcher.fetch(), "denied", "HTTP 404: check issuer and discovery", sent=False)
    fetcher.keys |= {"discovery": "openid", "issuer": provider.url + "/"}   # is another one
    assert_outcome(fetcher.fetch(), "denied", "it is of another issuer", sent=False)


def test_resource(provider, fetcher_of):
    assert_granted(fetcher_of(provider, resource=RESOURCE).fetch(), scope="read")
    assert_outcome(fetcher_of(provider, resource=f"{RESOURCE}, urn:other").fetch(), "denied",
                   "invalid_target", status=400)


# @node-oauth/oauth2-server


def test_oauth2_server_reads_basic_as_it_is(oauth2, fetcher_of):
    fetcher = fetcher_of(oauth2, basic_encoding="raw")
    assert_granted(fetcher.fetch(), scope="read")
    fetcher.keys["basic_encoding"] = "rfc6749"
    assert_outcome(fetcher.fetch(), "denied", "check client_id, client_secret", status=401,
                   error="invalid_client")


def test_oauth2_server_takes_post(oauth2, fetcher_of):
    assert_granted(fetcher_of(oauth2, client_auth="post").fetch())
    fetcher = fetcher_of(oauth2, client_auth="post", scope="admin")
    assert_outcome(fetcher.fetch(), "denied", "check scope", status=400, error="invalid_scope")
    fetcher.secret_file.write_text("wrong")
    assert fetcher.fetch()["outcome"] == "denied"
