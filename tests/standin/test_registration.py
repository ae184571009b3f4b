# SPDX-License-Identifier: MIT
"""Clients that do not use Basic, asked for by curl, with assertions that jwcrypto makes: what a good
client sends is granted, and each thing that one would not send is refused."""

import json
import time
from urllib.parse import urlencode

import certificates
import pytest
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from standin import SCOPE, Standin
from test_standin import curl

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GENERATED = {"RS256": ("RSA", {"size": 2048}), "RS384": ("RSA", {"size": 2048}),
             "PS256": ("RSA", {"size": 2048}), "ES256": ("EC", {"crv": "P-256"}),
             "ES384": ("EC", {"crv": "P-384"})}


@pytest.fixture(name="endpoint")
def an_endpoint(tmp_path):
    with Standin(tmp_path) as endpoint:
        yield endpoint


def ask(endpoint, form, *options):
    form = {"grant_type": "client_credentials", "scope": SCOPE} | form
    answered = curl("--cacert", str(endpoint.ca_file), "--data",
                    urlencode({name: value for name, value in form.items() if value is not None}),
                    endpoint.token_url, *options)
    return answered.status, endpoint.requests[-1].decision


class Client:
    def __init__(self, endpoint, algorithm="ES256", **registered):
        kind, options = GENERATED[algorithm]
        self.key = JWK.generate(kty=kind, **options)
        self.algorithm = algorithm
        self.endpoint = endpoint
        public = endpoint.directory / "client.public"
        public.write_bytes(self.key.export_to_pem())
        endpoint.register("them", "private_key_jwt", algorithm=algorithm, public_key=public,
                          **registered)

    def assertion(self, *, key=None, alg=None, header=None, **claims):
        now = int(time.time())
        header = {"alg": alg or self.algorithm, "typ": "JWT"} | (header or {})
        claims = {"iss": "them", "sub": "them", "aud": self.endpoint.token_url,
                  "jti": f"{time.monotonic_ns():032x}", "iat": now, "exp": now + 60} | claims
        jws = JWS(json.dumps({name: value for name, value in claims.items() if value is not None}))
        jws.add_signature(key or self.key, None, json.dumps(header))
        return jws.serialize(compact=True)

    def ask(self, assertion=None, **form):
        return ask(self.endpoint, {"client_assertion_type": ASSERTION_TYPE,
                                   "client_assertion": assertion or self.assertion()} | form)


@pytest.mark.parametrize("algorithm", GENERATED)
def test_good_assertion_is_granted(endpoint, algorithm):
    client = Client(endpoint, algorithm)
    assert client.ask() == (200, "correct")
    assert endpoint.requests[0].client_id == "them"


@pytest.mark.parametrize("header, claims, decision", [
    ({}, {"aud": "https://elsewhere.example"}, "wrong the audience is another one"),
    ({"kid": "unknown"}, {}, "unexpected: the header"),
    ({"typ": "at+jwt"}, {}, "unexpected: the header"),
    ({}, {"iss": "others"}, "unexpected: Authorization is not Basic"),
    ({}, {"sub": "others", "iss": "others"}, "unexpected: Authorization is not Basic"),
    ({}, {"sub": "others"}, "unexpected: iss and sub"),
    ({}, {"nbf": 1}, "unexpected: the claims"),
    ({}, {"jti": None}, "unexpected: the claims"),
    ({}, {"jti": "1"}, "unexpected: jti is not 128 bits"),
    ({}, {"iat": 1}, "unexpected: iat is not now"),
    ({}, {"exp": 1}, "unexpected: exp is not soon"),
    ({}, {"exp": int(time.time()) + 86400}, "unexpected: exp is not soon"),
])
def test_assertion_that_is_not_good_is_refused(endpoint, header, claims, decision):
    client = Client(endpoint)
    status, decided = client.ask(client.assertion(header=header, **claims))
    assert status in (400, 401) and decided.startswith(decision)


@pytest.mark.parametrize("algorithm", GENERATED)
def test_signature_of_another_key_is_refused(endpoint, algorithm):
    client = Client(endpoint, algorithm)
    kind, options = GENERATED[algorithm]
    other = JWK.generate(kty=kind, **options)
    assert client.ask(client.assertion(key=other)) == (401, "wrong the signature")


def test_another_algorithm_is_refused(endpoint):
    client = Client(endpoint, "RS256")
    assert client.ask(client.assertion(alg="PS256")) == (401, "wrong the algorithm is another one")


def test_assertion_is_good_once(endpoint):
    client = Client(endpoint)
    assertion = client.assertion()
    assert client.ask(assertion) == (200, "correct")
    assert client.ask(assertion) == (400, "unexpected: jti was there before")


def test_assertion_is_a_jws_of_its_type(endpoint):
    client = Client(endpoint)
    assert client.ask(client_assertion_type="urn:other")[1] == "unexpected: client_assertion_type"
    assert client.ask("e30")[1] == "unexpected: the assertion is no JWS in compact form"
    assert client.ask("a.b.c")[1].startswith("unexpected: the assertion is not")


def test_client_id_is_there_if_it_must_be_and_not_else(endpoint):
    client = Client(endpoint)
    assert client.ask(client_id="them")[1] == "unexpected: there are other parameters: client_id"
    client = Client(endpoint, with_client_id=True)
    assert client.ask()[1] == "unexpected: parameters are missing: client_id"
    assert client.ask(client_id="them") == (200, "correct")


def test_key_of_a_set_is_the_one_that_is_named(endpoint, tmp_path):
    client = Client(endpoint)
    keys = {name: JWK.generate(kty="EC", crv="P-256", kid=name) for name in ("old", "new")}

    def register(*names, private=False):
        exported = [keys[name].export(private_key=private, as_dict=True) for name in names]
        (tmp_path / "jwks").write_text(json.dumps({"keys": exported}))
        endpoint.register("them", "private_key_jwt", algorithm="ES256", jwks=tmp_path / "jwks")

    def ask_by(key, **header):
        return client.ask(client.assertion(key=keys[key], header=header))

    register("old", "new")
    assert ask_by("old", kid="old") == ask_by("new", kid="new") == (200, "correct")
    assert ask_by("old", kid="new") == (401, "wrong the signature")
    assert ask_by("old")[1].startswith("unexpected: the header")
    register("new")
    assert ask_by("old", kid="old") == (401, "wrong there is no such key")
    register("new", private=True)
    assert ask_by("new", kid="new") == (401, "wrong the key that was registered is a private one")


def test_assertion_that_is_asked_with(endpoint):
    client = Client(endpoint)
    endpoint.register("them", "jwt_bearer", algorithm="ES256",
                      public_key=endpoint.directory / "client.public")

    def ask_with(assertion, **form):
        return ask(endpoint, {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                              "scope": None, "assertion": assertion} | form)

    assert ask_with(client.assertion(sub=None, scope=SCOPE)) == (200, "correct")
    assert ask_with(client.assertion(sub=None, scope="other")) == (400, "wrong scope")
    assert ask_with(client.assertion(scope=SCOPE))[1].startswith("unexpected: the claims")
    assert ask_with(client.assertion(sub=None, scope=SCOPE), scope=SCOPE)[1].startswith(
        "unexpected: there is a scope")
    assert ask_with(client.assertion(sub=None, scope=SCOPE), grant_type="client_credentials")[
        1].startswith("unexpected: grant_type")
    assert ask_with(client.assertion(sub=None, scope=SCOPE, key=JWK.generate(
        kty="EC", crv="P-256"))) == (401, "wrong the signature")


def test_one_way_at_a_time(endpoint):
    endpoint.register("them", "post", secret="s")
    form = {"client_id": "them", "client_secret": "s"}
    assert ask(endpoint, form) == (200, "correct")
    assert ask(endpoint, form, "--user", "them:s")[1] == (
        "unexpected: there is an Authorization besides")
    assert ask(endpoint, form | {"client_secret": "t"}) == (401, "wrong the secret")
    assert ask(endpoint, form | {"client_secret": None})[1].startswith("unexpected: parameters are")


def test_none_is_the_id_alone(endpoint):
    endpoint.register("them", "none")
    assert ask(endpoint, {"client_id": "them"}) == (200, "correct")
    assert ask(endpoint, {"client_id": "others"})[1].startswith("unexpected: Authorization")


def certificate(endpoint, name, signer="ca"):
    key = endpoint.directory / f"{name}.key"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    made = certificates.make_client(endpoint.directory, name, key, signer=signer)
    return made, ("--cert", str(made), "--key", str(key))


@pytest.mark.parametrize("method, signer", [("tls_client_auth", "ca"),
                                            ("self_signed_tls_client_auth", None)])
def test_certificate(endpoint, method, signer):
    ours, shown = certificate(endpoint, "ours", signer)
    _, others = certificate(endpoint, "others")
    _, unknown = certificate(endpoint, "unknown", "unknown-ca")
    endpoint.register("them", method, certificate=ours)
    form = {"client_id": "them"}
    assert ask(endpoint, form, *shown) == (200, "correct")
    assert ask(endpoint, form) == (401, "wrong there is no certificate")
    if signer:
        assert ask(endpoint, form, *others) == (401, "wrong the certificate is another one")
    curl("--cacert", str(endpoint.ca_file), "--data", urlencode(form), *unknown, endpoint.token_url)
    [record] = endpoint.records("connection")
    assert record.decision.startswith("no handshake")
