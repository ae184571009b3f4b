# SPDX-License-Identifier: MIT
"""clients - what bearerd-fetch authenticates with in its lives, other than a secret: keys in files,
certificates, and keys that a token keeps for itself. Each registers a client at the stage's endpoint
and returns the keys of its configuration."""

import os
import subprocess
import sys
from pathlib import Path

from jwcrypto.jwk import JWK

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "standin"))

import certificates  # noqa: E402

PASSPHRASE = "a passphrase of these lives"
PIN = "7351-hunter2"
LABEL = "lives"
KINDS = {"RS256": ("RSA", "rsa_keygen_bits:2048"), "PS256": ("RSA", "rsa_keygen_bits:2048"),
         "ES256": ("EC", "ec_paramgen_curve:P-256"), "ES384": ("EC", "ec_paramgen_curve:P-384")}


def _private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def _make_key(stage, algorithm):
    """NAME.pem and NAME.public, in PEM."""
    kind, option = KINDS[algorithm]
    key, public = stage.directory / f"{algorithm}.pem", stage.directory / f"{algorithm}.public"
    if not key.exists():
        _private(key, "")
        certificates.openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", key)
        certificates.openssl("pkey", "-in", key, "-pubout", "-out", public)
    return key, public


def _signing(stage, client, algorithm, private_key, public, **registered):
    stage.endpoint.register(client, "private_key_jwt", algorithm=algorithm, public_key=public,
                            **registered)
    return {"client_id": client, "client_auth": "private_key_jwt",
            "signing_algorithm": algorithm, "private_key": private_key}


def with_pem(stage):
    key, public = _make_key(stage, "RS256")
    return _signing(stage, "pem", "RS256", f"file:{key}", public)


def with_encrypted_pem(stage):
    key, public = _make_key(stage, "ES256")
    encrypted = _private(stage.directory / "encrypted.pem", "")
    certificates.openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", key, "-out", encrypted,
                         "-passout", f"pass:{PASSPHRASE}")
    phrase = _private(stage.directory / "passphrase", PASSPHRASE + "\n")
    return _signing(stage, "encrypted", "ES256", f"file:{encrypted}", public) | {
        "private_key_passphrase": f"file:{phrase}"}


def _with_jwk(stage, client, algorithm):
    key, public = _make_key(stage, algorithm)
    jwk = JWK.from_pem(key.read_bytes())
    path = _private(stage.directory / f"{client}.jwk", jwk.export(private_key=True))
    return _signing(stage, client, algorithm, f"file:{path}", public, key_id=jwk["kid"])


def with_rsa_jwk(stage):
    return _with_jwk(stage, "rsa-jwk", "PS256")


def with_ec_jwk(stage):
    return _with_jwk(stage, "ec-jwk", "ES384")


def with_certificate(stage):
    """Shown by TLS (RFC 8705)."""
    key, _ = _make_key(stage, "ES256")
    certificate = certificates.make_client(stage.endpoint.directory, "certified", key, days=365)
    stage.endpoint.register("certified", "tls_client_auth", certificate=certificate)
    return {"client_id": "certified", "client_auth": "tls_client_auth",
            "private_key": f"file:{key}", "client_certificate": f"file:{certificate}"}


def with_token(stage):
    """A key in a SoftHSM, which $SOFTHSM2_CONF of the stage then says."""
    directory = stage.directory / "hsm"
    if "SOFTHSM2_CONF" not in stage.variables:
        (directory / "tokens").mkdir(parents=True)
        configuration = directory / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {directory}/tokens\n")
        stage.variables["SOFTHSM2_CONF"] = str(configuration)
        _softhsm(stage, "--init-token", "--free", "--so-pin", PIN)
        key, _ = _make_key(stage, "ES256")
        _softhsm(stage, "--import", key, "--token", LABEL, "--id", "01")
    phrase = _private(stage.directory / "pin", PIN + "\n")
    _, public = _make_key(stage, "ES256")
    return _signing(stage, "token", "ES256",
                    f"pkcs11:token={LABEL};object={LABEL};type=private", public) | {
                        "private_key_passphrase": f"file:{phrase}"}


def _softhsm(stage, *arguments):
    subprocess.run(["softhsm2-util", *map(str, arguments), "--label", LABEL, "--pin", PIN],
                   check=True, capture_output=True, timeout=60, env=os.environ | stage.variables)
