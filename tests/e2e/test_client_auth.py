# SPDX-License-Identifier: MIT
"""The ways in which a client authenticates, before a token endpoint that verifies each of them."""

import base64
import json
import re
import subprocess
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import certificates
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from fetcher import TIMEOUT, Fetcher, assert_outcome
from jwcrypto.jwk import JWK

PASSPHRASE = "a passphrase, of more than one word"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# The key that each algorithm takes.
ALGORITHMS = {"RS256": "rsa", "RS384": "rsa", "PS256": "rsa", "ES256": "p256", "ES384": "p384"}
GENERATED = {
    "rsa": ("RSA", "rsa_keygen_bits:2048"),
    "small": ("RSA", "rsa_keygen_bits:1024"),
    "p256": ("EC", "ec_paramgen_curve:P-256"),
    "p384": ("EC", "ec_paramgen_curve:P-384"),
    "p521": ("EC", "ec_paramgen_curve:P-521"),
}


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=TIMEOUT).stdout


@pytest.fixture(name="keys", scope="session")
def some_keys(tmp_path_factory):
    """A directory with NAME.pem (PKCS#8) and NAME.public for each of GENERATED, and others."""
    directory = tmp_path_factory.mktemp("keys")
    for name, (kind, option) in GENERATED.items():
        openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", directory / f"{name}.pem")
        openssl("pkey", "-in", directory / f"{name}.pem", "-pubout",
                "-out", directory / f"{name}.public")
    openssl("genpkey", "-algorithm", "ED25519", "-out", directory / "ed25519.pem")
    return directory


def written(keys, how):
    """The text of a key, as HOW says."""
    if how == "PKCS#8":
        return (keys / "rsa.pem").read_text()
    if how == "PKCS#1":
        return openssl("rsa", "-in", keys / "rsa.pem", "-traditional")
    if how == "SEC1":
        return openssl("ec", "-in", keys / "p256.pem")
    if how == "encrypted PKCS#8":
        return openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", keys / "p256.pem",
                       "-passout", f"pass:{PASSPHRASE}")
    if how == "encrypted PKCS#1":
        return openssl("rsa", "-traditional", "-aes128", "-in", keys / "rsa.pem",
                       "-passout", f"pass:{PASSPHRASE}")
    return jwk(keys, {"RSA JWK": "rsa", "EC JWK": "p384"}[how])


def jwk(keys, name, private=True, **members):
    key = JWK.from_pem((keys / f"{name}.pem").read_bytes())
    exported = json.loads(key.export(private_key=private))
    del exported["kid"]
    return json.dumps(exported | members)


@pytest.fixture(name="fetcher")
def a_fetcher(programs, endpoint, tmp_path, keys):
    fetcher = Fetcher(programs.fetch, tmp_path, endpoint)
    fetcher.keys |= {"client_id": "our client", "client_secret": None, "basic_encoding": None}
    return fetcher


def sign_by(fetcher, endpoint, keys, algorithm="ES256", **registered):
    """The client authenticates by private_key_jwt, and is registered so."""
    name = ALGORITHMS[algorithm]
    key = fetcher.file("private_key", (keys / f"{name}.pem").read_text())
    fetcher.keys |= {"client_auth": "private_key_jwt", "signing_algorithm": algorithm,
                     "private_key": f"file:{key}"}
    endpoint.register("our client", "private_key_jwt", algorithm=algorithm,
                      public_key=keys / f"{name}.public", **registered)


def show(fetcher, endpoint, keys, method="tls_client_auth", days=2, register=True):
    """The same for a certificate."""
    key = fetcher.file("private_key", (keys / "p256.pem").read_text())
    signer = "ca" if method == "tls_client_auth" else None
    certificate = certificates.make_client(endpoint.directory, "our-client", key, days, signer)
    certificate.chmod(0o644)
    fetcher.keys |= {"client_auth": method, "private_key": f"file:{key}",
                     "client_certificate": f"file:{certificate}"}
    if register:
        endpoint.register("our client", method, certificate=certificate)
    return certificate


def form_of(request):
    return {name: values for name, values in parse_qs(request.body, strict_parsing=True).items()
            if name not in ("grant_type", "scope")}


def parts_of(request):
    """Header and claims of the assertion."""
    [assertion] = form_of(request)["client_assertion"]
    return [json.loads(base64.urlsafe_b64decode(part + "=="))
            for part in assertion.split(".")[:2]]


# What is sent


def test_post_has_id_and_secret_in_the_form(fetcher, endpoint):
    fetcher.keys |= {"client_auth": "post", "client_secret": f"file:{fetcher.secret_file}"}
    endpoint.register("our client", "post", secret=endpoint.client_secret)
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert form_of(request) == {"client_id": ["our client"],
                                "client_secret": [endpoint.client_secret]}
    assert request.header("Authorization") is None

    fetcher.secret_file.write_text("another")
    assert_outcome(fetcher.fetch(), "denied", "check client_id, client_secret and client_auth",
                   status=401)


def test_none_has_the_id_alone(fetcher, endpoint):
    fetcher.keys["client_auth"] = "none"
    endpoint.register("our client", "none")
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert form_of(request) == {"client_id": ["our client"]}
    assert request.header("Authorization") is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_assertion_is_signed(fetcher, endpoint, keys, algorithm):
    sign_by(fetcher, endpoint, keys, algorithm)
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert form_of(request).keys() == {"client_assertion", "client_assertion_type"}
    assert form_of(request)["client_assertion_type"] == [ASSERTION_TYPE]
    assert request.header("Authorization") is None
    header, claims = parts_of(request)
    assert header == {"alg": algorithm, "typ": "JWT"}
    assert (claims["iss"], claims["aud"]) == ("our client", endpoint.token_url)
    assert claims["exp"] - claims["iat"] == 60


def test_each_request_has_an_assertion_of_its_own(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    assert [fetcher.fetch()["outcome"] for _ in range(3)] == ["granted"] * 3
    assert len({parts_of(request)[1]["jti"] for request in endpoint.requests}) == 3


def test_settings_of_an_assertion(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys, key_id="our key: 1", audience="urn:the-server",
            with_client_id=True)
    fetcher.keys |= {"key_id": "our key: 1", "assertion_audience": "urn:the-server",
                     "assertion_lifetime": "4min", "assertion_client_id": "yes"}
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    header, claims = parts_of(request)
    assert (header["kid"], claims["aud"]) == ("our key: 1", "urn:the-server")
    assert claims["exp"] - claims["iat"] == 240
    assert form_of(request)["client_id"] == ["our client"]


def test_audience_may_be_the_word_token_url(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    fetcher.keys["assertion_audience"] = "token_url"
    assert fetcher.fetch()["outcome"] == "granted"
    assert parts_of(endpoint.requests[0])[1]["aud"] == endpoint.token_url


@pytest.mark.parametrize("how", ["PKCS#8", "PKCS#1", "SEC1", "encrypted PKCS#8",
                                 "encrypted PKCS#1", "RSA JWK"])
def test_key_is_read_however_it_is_written(fetcher, endpoint, keys, how):
    text = written(keys, how)
    sign_by(fetcher, endpoint, keys, "ES256" if how in ("SEC1", "encrypted PKCS#8") else "RS256")
    fetcher.file("private_key", text)
    if "encrypted" in how:
        assert "ENCRYPTED" in text
        fetcher.keys["private_key_passphrase"] = f"file:{fetcher.file('phrase', PASSPHRASE)}"
    assert fetcher.fetch()["outcome"] == "granted"


def test_jwk_brings_its_own_id(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys, "ES384", key_id="its own")
    fetcher.file("private_key", jwk(keys, "p384", kid="its own", alg="ES384", use="sig"))
    assert fetcher.fetch()["outcome"] == "granted"
    fetcher.keys["key_id"] = "ours"
    assert_outcome(fetcher.fetch(), "denied", "key_id, signing_algorithm, assertion_audience and "
                   "this host's clock", status=401)


def test_key_is_a_credential_or_a_variable(fetcher, endpoint, keys, tmp_path):
    sign_by(fetcher, endpoint, keys)
    fetcher.environment |= {"CREDENTIALS_DIRECTORY": str(tmp_path),
                            "KEY": (keys / "p256.pem").read_text()}
    for reference in ("credential:private_key", "env:KEY"):
        fetcher.keys["private_key"] = reference
        assert fetcher.fetch()["outcome"] == "granted"


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_certificate_is_shown(fetcher, endpoint, keys, method):
    show(fetcher, endpoint, keys, method)
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert form_of(request) == {"client_id": ["our client"]}
    assert request.header("Authorization") is None


def test_key_of_a_certificate_may_be_a_jwk(fetcher, endpoint, keys):
    show(fetcher, endpoint, keys)
    fetcher.file("private_key", jwk(keys, "p256"))
    assert fetcher.fetch()["outcome"] == "granted"


def test_rotated_key_is_used_at_the_next_fetch(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
            fetcher.directory / "private_key")
    assert_outcome(fetcher.fetch(), "denied", "check client_id, private_key", status=401)
    fetcher.file("private_key", (keys / "p256.pem").read_text())
    assert fetcher.fetch()["outcome"] == "granted"


@pytest.mark.parametrize("subject", [None, "user@example.com"])
def test_assertion_may_be_what_is_asked_with(fetcher, endpoint, keys, subject):
    """As a service account of Google does it."""
    sign_by(fetcher, endpoint, keys, "RS256")
    fetcher.keys |= {"provider": "google", "client_auth": None, "signing_algorithm": None,
                     "key_id": "1", "subject": subject}
    endpoint.register("our client", "jwt_bearer", public_key=keys / "rsa.public", key_id="1",
                      subject=subject)
    assert fetcher.fetch()["outcome"] == "granted"
    [request] = endpoint.requests
    assert form_of(request).keys() == {"assertion"}
    assert request.header("Authorization") is None
    fetcher.file("private_key", jwk(keys, "rsa", n="AAAA"))
    assert_outcome(fetcher.fetch(), "misconfigured", "private_key")


def test_assertion_has_the_thumbprint_of_a_certificate(fetcher, endpoint, keys):
    """As Entra wants it."""
    certificate = certificates.make_client(endpoint.directory, "ours", keys / "rsa.pem")
    sign_by(fetcher, endpoint, keys, "PS256", thumbprint=certificate, with_client_id=True)
    fetcher.keys |= {"client_certificate": f"file:{certificate}", "assertion_client_id": "yes"}
    assert fetcher.fetch()["outcome"] == "granted"
    certificates.make_client(endpoint.directory, "ours", keys / "p256.pem")
    assert_outcome(fetcher.fetch(), "misconfigured", "it is of another key than private_key")


# What the endpoint refuses


@pytest.mark.parametrize("registered", [
    {"algorithm": "ES384"}, {"audience": "https://elsewhere.example/token"}])
def test_assertion_that_does_not_agree_is_denied(fetcher, endpoint, keys, registered):
    sign_by(fetcher, endpoint, keys)
    endpoint.register("our client", "private_key_jwt",
                      **{"algorithm": "ES256", "public_key": keys / "p256.public"} | registered)
    assert_outcome(fetcher.fetch(), "denied", "check client_id, private_key", sent=True, status=401)


def test_another_certificate_is_denied(fetcher, endpoint, keys):
    show(fetcher, endpoint, keys)
    certificates.make_client(endpoint.directory, "another", keys / "p256.pem")
    fetcher.keys["client_certificate"] = f"file:{endpoint.directory / 'another.pem'}"
    assert_outcome(fetcher.fetch(), "denied", "check client_id, client_certificate and client_auth",
                   status=401)


def test_certificate_of_an_unknown_ca_is_denied(fetcher, endpoint, keys):
    show(fetcher, endpoint, keys)
    certificates.make_client(endpoint.directory, "our-client", keys / "p256.pem",
                             signer="unknown-ca")
    outcome = fetcher.fetch()
    assert_outcome(outcome, "denied", "check client_certificate and private_key", status=None)
    assert endpoint.requests == []


def test_repeated_assertion_is_withheld(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    endpoint.next("echo-secret")
    outcome = fetcher.fetch()
    assert_outcome(outcome, "denied", "(withheld: it contains a credential)", status=401)
    assert "eyJ" not in json.dumps(outcome)


# What is wrong here


def assert_wrong(fetcher, endpoint, words):
    """At --check-config, and at a fetch, which sends nothing. No part of a secret is told."""
    outcome = fetcher.fetch()
    assert_outcome(outcome, "misconfigured", words, sent=False)
    said = fetcher.said
    done = fetcher.check()
    assert done.returncode == 78 and done.stdout == ""
    assert re.sub(r"\s+", " ", words) in done.stderr
    assert endpoint.records("connection", "token") == []
    for text in (said, done.stderr, json.dumps(outcome)):
        assert "passphrase, of" not in text
        assert not re.search(r"[A-Za-z0-9+/_-]{43,}", re.sub(r"\S*/\S*", "", text))


@pytest.mark.parametrize("algorithm, key, words", [
    ("ES256", "rsa", "it does not fit signing_algorithm: ES256 takes an EC key on P-256"),
    ("ES384", "p256", "it does not fit signing_algorithm: ES384 takes an EC key on P-384"),
    ("RS256", "p256", "it does not fit signing_algorithm: RS256 takes an RSA key"),
    ("PS256", "p256", "it does not fit signing_algorithm: PS256 takes an RSA key"),
    ("RS256", "small", "it is of a kind that is not used here: RSA of 2048 to 8192 bits, or EC"),
    ("ES256", "p521", "it is of a kind that is not used here"),
    ("ES256", "ed25519", "it is of a kind that is not used here"),
])
def test_key_that_does_not_fit_is_told(fetcher, endpoint, keys, algorithm, key, words):
    sign_by(fetcher, endpoint, keys, algorithm)
    fetcher.file("private_key", (keys / f"{key}.pem").read_text())
    assert_wrong(fetcher, endpoint, words)


@pytest.mark.parametrize("text, words", [
    ("", "private_key (file:"),
    ("hunter2", "it is no private key in PEM, and no JWK"),
    ("public", "it has a public key or a certificate, and no private key"),
    ("cut", "the private key in it is damaged"),
    ("encrypted PKCS#8", "it is encrypted: set private_key_passphrase"),
    ("encrypted PKCS#1", "it is encrypted: set private_key_passphrase"),
    ("public JWK", "it is a public JWK: the private one is needed"),
    ('{"keys":[]}', "it is a set of JWKs: one private JWK is needed"),
    ("{", "it is no JSON object, so no JWK"),
    ('{"kty":"oct","k":"aHVudGVyMg"}', "of the JWK must be RSA or EC"),
    ('{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}', "the numbers of the JWK make no key"),
    ("JWK to encrypt", "the JWK is not for signing"),
    ("JWK to verify", "the JWK is not for signing"),
    ("JWK of ES384", "the JWK has another algorithm"),
    ("mixed EC JWK", "the numbers of the JWK make no key"),
    ("mixed RSA JWK", "its numbers do not belong together"),
    ("too much", "it is longer than 16384 bytes"),
])
def test_key_that_is_none_is_told(fetcher, endpoint, keys, text, words):
    sign_by(fetcher, endpoint, keys, "RS256" if "RSA" in text else "ES256")
    other = JWK.generate(kty="RSA", size=2048).export(private_key=False, as_dict=True)
    ec_other = JWK.generate(kty="EC", crv="P-256").export(as_dict=True)
    text = {
        "public": (keys / "p256.public").read_text(),
        "cut": (keys / "p256.pem").read_text().replace("MIG", "MIH"),
        "encrypted PKCS#8": written(keys, "encrypted PKCS#8"),
        "encrypted PKCS#1": written(keys, "encrypted PKCS#1"),
        "public JWK": jwk(keys, "p256", private=False),
        "JWK to encrypt": jwk(keys, "p256", use="enc"),
        "JWK to verify": jwk(keys, "p256", key_ops=["verify"]),
        "JWK of ES384": jwk(keys, "p256", alg="ES384"),
        "too much": "x" * 16385,
        "mixed EC JWK": jwk(keys, "p256", d=ec_other["d"]),
        "mixed RSA JWK": jwk(keys, "rsa", n=other["n"]),
    }.get(text, text)
    fetcher.file("private_key", text)
    assert_wrong(fetcher, endpoint, words)


def test_wrong_passphrase_is_told(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    fetcher.file("private_key", written(keys, "encrypted PKCS#8"))
    fetcher.keys["private_key_passphrase"] = f"file:{fetcher.file('phrase', 'hunter2')}"
    assert_wrong(fetcher, endpoint, "private_key_passphrase does not open it")


def test_key_that_others_can_read_is_told(fetcher, endpoint, keys):
    sign_by(fetcher, endpoint, keys)
    (fetcher.directory / "private_key").chmod(0o640)
    assert_wrong(fetcher, endpoint, "its mode 0640 lets others than its owner use it: chmod 600")


def test_certificate_of_another_key_is_told(fetcher, endpoint, keys):
    show(fetcher, endpoint, keys)
    fetcher.file("private_key", (keys / "rsa.pem").read_text())
    assert_wrong(fetcher, endpoint, "it is of another key than private_key")


def test_key_whose_halves_do_not_belong_together_is_told_for_tls_too(fetcher, endpoint, keys):
    """Its public half is the certificate's; OpenSSL would find out in the handshake."""
    show(fetcher, endpoint, keys)
    other = JWK.generate(kty="RSA", size=2048).export(as_dict=True)
    key = fetcher.file("private_key", (keys / "rsa.pem").read_text())
    certificate = certificates.make_client(endpoint.directory, "our-client", key)
    certificate.chmod(0o644)
    assert fetcher.check().returncode == 0
    fetcher.file("private_key", jwk(keys, "rsa", d=other["d"], dp=other["dp"]))
    assert_wrong(fetcher, endpoint, "its numbers do not belong together")


def test_certificate_that_is_none_is_told(fetcher, endpoint, keys):
    certificate = show(fetcher, endpoint, keys)
    certificate.write_text((keys / "p256.public").read_text())
    assert_wrong(fetcher, endpoint, "it is no certificate in PEM")


def test_expired_certificate_is_told(fetcher, endpoint, keys):
    show(fetcher, endpoint, keys, days=-1, register=False)
    assert_wrong(fetcher, endpoint, "it has expired: put a new one there")


def test_certificate_that_is_not_good_yet_is_told(fetcher, endpoint, keys):
    """Which the openssl command of Debian 12 does not make."""
    certificate = show(fetcher, endpoint, keys, register=False)
    key = load_pem_private_key((keys / "p256.pem").read_bytes(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ours")])
    hour = timedelta(hours=1)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), datetime.utcnow() + hour,
        datetime.utcnow() + 800 * hour).sign(key, SHA256())
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    assert_wrong(fetcher, endpoint, "it is not good yet: look at its dates, and at this host's clock")


def test_certificate_is_told_of_in_its_last_two_weeks(fetcher, endpoint, keys):
    words = re.compile("client_certificate expires in 1[34] days: have a new one issued")
    show(fetcher, endpoint, keys, days=14)
    done = fetcher.check()
    assert done.returncode == 0 and "all good" in done.stdout
    assert done.stderr.startswith("warning: ") and words.search(done.stderr)
    assert fetcher.fetch()["outcome"] == "granted"
    assert words.search(fetcher.said) and fetcher.said.startswith("<4>")

    show(fetcher, endpoint, keys, days=15)
    assert fetcher.check().stderr == ""
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.said == ""


def test_certificates_behind_the_first_are_told_of_too(fetcher, endpoint, keys):
    """The endpoint may do without them: they are no mistake, unless they cannot be read."""
    certificate = show(fetcher, endpoint, keys, days=20, register=False)
    own = certificate.read_text()
    endpoint.register("our client", "tls_client_auth", certificate=fetcher.file("own.pem", own))
    behind = "a certificate behind the first in client_certificate"
    for days, words in [(20, None), (13, f"{behind} expires in 1[23] days: put its successor there"),
                        (-1, f"{behind} has expired: put its successor there")]:
        other = certificates.make_client(endpoint.directory, "another", keys / "p384.pem", days, None)
        certificate.write_text(own + other.read_text())
        done = fetcher.check()
        assert done.returncode == 0 and "all good" in done.stdout
        assert re.search(words, done.stderr) if words else done.stderr == ""
        assert fetcher.fetch()["outcome"] == "granted"
        assert re.search(words, fetcher.said) if words else fetcher.said == ""


def test_certificate_behind_the_first_that_is_damaged_is_told(fetcher, endpoint, keys):
    certificate = show(fetcher, endpoint, keys)
    own = certificate.read_text()
    certificate.write_text(own + own.replace("MI", "MJ", 1))
    assert_wrong(fetcher, endpoint, "a certificate behind the first is damaged")


def test_settings_of_another_way_are_mistakes(fetcher):
    fetcher.keys |= {"client_auth": "private_key_jwt", "client_secret": "env:SECRET",
                     "basic_encoding": "raw"}
    done = fetcher.check()
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 4
    for words in ("private_key is missing", "signing_algorithm is missing",
                  "client_secret is of no use with client_auth = private_key_jwt: remove it",
                  "basic_encoding is of no use"):
        assert words in done.stderr
