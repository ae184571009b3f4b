# SPDX-License-Identifier: MIT
"""Keys that a token keeps for itself: SoftHSM's, which takes none of them out again."""

import os
import subprocess

import certificates
import pytest
from fetcher import TIMEOUT, Fetcher, assert_outcome

PIN = "7351-hunter2"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
KEYS = {"rsa": ("RSA", "rsa_keygen_bits:2048"), "p256": ("EC", "ec_paramgen_curve:P-256"),
        "p384": ("EC", "ec_paramgen_curve:P-384")}
ALGORITHMS = {"RS256": "rsa", "RS384": "rsa", "PS256": "rsa", "ES256": "p256", "ES384": "p384"}


@pytest.fixture(name="token", scope="module")
def a_token(tmp_path_factory):
    """A directory with a token of all KEYS, and NAME.public for each of them."""
    directory = tmp_path_factory.mktemp("token")
    (directory / "tokens").mkdir()
    (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory}/tokens\n")

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT,
                       env=os.environ | {"SOFTHSM2_CONF": str(directory / "softhsm2.conf")})

    run("softhsm2-util", "--init-token", "--free", "--label", "ours", "--pin", PIN, "--so-pin", PIN)
    for number, (name, (kind, option)) in enumerate(KEYS.items(), 1):
        key, public = directory / f"{name}.pem", directory / f"{name}.public"
        certificates.openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", key)
        certificates.openssl("pkey", "-in", key, "-pubout", "-out", public)
        run("softhsm2-util", "--import", key, "--token", "ours", "--label", name, "--id",
            f"{number:02}", "--pin", PIN)
        key.unlink()
    return directory


@pytest.fixture(name="fetcher")
def a_fetcher(programs, endpoint, tmp_path, token):
    fetcher = Fetcher(programs.fetch, tmp_path, endpoint)
    fetcher.environment["SOFTHSM2_CONF"] = str(token / "softhsm2.conf")
    fetcher.keys |= {"client_id": "ours", "client_secret": None, "basic_encoding": None,
                     "client_auth": "private_key_jwt",
                     "private_key_passphrase": f"file:{fetcher.file('pin', PIN)}"}
    return fetcher


def uri(name):
    return f"pkcs11:token=ours;object={name};type=private"


def sign_by(fetcher, endpoint, token, algorithm):
    name = ALGORITHMS[algorithm]
    fetcher.keys |= {"signing_algorithm": algorithm,
                     "private_key": uri(name)}
    endpoint.register("ours", "private_key_jwt", algorithm=algorithm,
                      public_key=token / f"{name}.public")


@pytest.fixture(name="show")
def a_certificate(fetcher, endpoint, token, monkeypatch):
    """The client authenticates by the certificate of a key in the token, and is registered so. The
    request for it is signed there, too."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(token / "softhsm2.conf"))
    engine = ["-engine", "pkcs11", "-keyform", "engine", "-passin", f"pass:{PIN}"]

    def show(key, method="tls_client_auth"):
        signer = "ca" if method == "tls_client_auth" else None
        certificate = certificates.make_client(endpoint.directory, f"ours-{key}", uri(key),
                                               days=30, signer=signer, key_options=engine)
        fetcher.keys |= {"client_auth": method, "private_key": uri(key),
                         "client_certificate": f"file:{certificate}"}
        endpoint.register("ours", method, certificate=certificate)
        return certificate
    return show


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_token_signs(fetcher, endpoint, token, algorithm):
    sign_by(fetcher, endpoint, token, algorithm)
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.said == ""
    done = fetcher.check()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
@pytest.mark.parametrize("key", KEYS)
def test_token_has_the_key_of_a_certificate(fetcher, endpoint, show, key, method):
    show(key, method)
    assert fetcher.fetch()["outcome"] == "granted"
    assert fetcher.said == ""
    done = fetcher.check()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("key", ["rsa", "p256"])
def test_token_signs_in_each_version_of_tls(fetcher, endpoint, show, key, version):
    show(key)
    endpoint.only_tls(version)
    assert fetcher.fetch()["outcome"] == "granted"


def test_certificate_of_another_key_than_the_tokens_is_told(fetcher, endpoint, show):
    show("p256")
    fetcher.keys["private_key"] = uri("rsa")
    words = "it is of another key than private_key"
    assert_outcome(fetcher.fetch(), "misconfigured", words, sent=False)
    done = fetcher.check()
    assert done.returncode == 78 and words in done.stderr


@pytest.mark.parametrize("keys, pin, words", [
    ({"private_key": "pkcs11:token=ours;object=none;type=private"}, PIN, "no token has such a key"),
    ({"private_key": "pkcs11:token=none;object=p256;type=private"}, PIN, "no token has such a key"),
    ({}, "0000", "or private_key_passphrase is not its PIN"),
    ({"private_key_passphrase": None}, PIN, "or private_key_passphrase is not its PIN"),
    ({"signing_algorithm": "ES384"}, PIN, "ES384 takes an EC key on P-384"),
])
def test_key_that_cannot_be_had_is_told(fetcher, endpoint, token, keys, pin, words):
    sign_by(fetcher, endpoint, token, "ES256")
    fetcher.file("pin", pin)
    fetcher.keys |= keys
    outcome = fetcher.fetch()
    assert_outcome(outcome, "misconfigured", words, sent=False)
    done = fetcher.check()
    assert done.returncode == 78 and words in done.stderr
    assert endpoint.requests == []
    for said in outcome["message"], done.stderr, fetcher.said:
        assert PIN not in said


@pytest.mark.parametrize("keys, pin, words", [
    ({"private_key": uri("none")}, PIN, "no token has such a key"),
    ({}, "0000", "or private_key_passphrase is not its PIN"),
    ({"private_key_passphrase": None}, PIN, "or private_key_passphrase is not its PIN"),
])
def test_key_of_a_certificate_that_cannot_be_had_is_told(fetcher, endpoint, show, keys, pin, words):
    show("p256")
    fetcher.file("pin", pin)
    fetcher.keys |= keys
    outcome = fetcher.fetch()
    assert_outcome(outcome, "misconfigured", words, sent=False)
    assert endpoint.records("connection", "token") == []
    done = fetcher.check()
    assert done.returncode == 78 and words in done.stderr


def test_uri_with_a_pin_is_a_mistake(fetcher, endpoint, token):
    sign_by(fetcher, endpoint, token, "ES256")
    fetcher.keys["private_key"] = "pkcs11:token=ours;object=p256?pin-value=1234"
    done = fetcher.check()
    assert done.returncode == 78 and "pkcs11:... without a PIN" in done.stderr
    assert "1234" not in done.stderr
