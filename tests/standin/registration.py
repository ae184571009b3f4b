# SPDX-License-Identifier: MIT
"""registration - clients that authenticate by something else than Basic, and whether they do.

A Registration is a value: what a client is registered with. Signatures are verified by the openssl
command. Strict as the rest: what a good client would not send is Unexpected, what it may not have
is Wrong.
"""

import base64
import binascii
import hashlib
import json
import re
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

METHODS = ("post", "private_key_jwt", "jwt_bearer", "tls_client_auth", "self_signed_tls_client_auth", "none")
GRANTS = {"jwt_bearer": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_MAX = 300      # of an assertion, in seconds: SMART Backend Services
SKEW = 5            # between our clock and theirs

# What `openssl dgst` takes for each; those of EC have the size of a number.
ALGORITHMS = {
    "RS256": ("sha256", (), None),
    "RS384": ("sha384", (), None),
    "PS256": ("sha256", ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"),
              None),
    "ES256": ("sha256", (), 32),
    "ES384": ("sha384", (), 48),
}
JWS = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)


class Unexpected(Exception):
    """The request is none that a good client sends."""


class Wrong(Exception):
    """The client is not who it says."""


def require(condition, why):
    if not condition:
        raise Unexpected(why)


def agree(condition, why):
    if not condition:
        raise Wrong(why)


@dataclass
class Registration:
    method: str
    secret: str = ""                # post
    algorithm: str = "RS256"        # private_key_jwt
    public_key: Path = None         # private_key_jwt: in PEM
    jwks: Path = None               # private_key_jwt: a set of keys instead, one of which kid names
    key_id: str = None              # private_key_jwt: None, the header must have none
    audience: str = None            # private_key_jwt
    with_client_id: bool = False    # private_key_jwt: client_id must be in the form as well
    thumbprint: Path = None         # private_key_jwt: of this certificate, in PEM
    subject: str = None             # jwt_bearer: None, there must be none
    certificate: Path = None        # tls: in PEM; of self_signed the same one, else its subject
    seen: set = field(default_factory=set)  # every jti

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"method: there is no {self.method!r}")
        for name in ("public_key", "jwks", "thumbprint", "certificate"):
            if (path := getattr(self, name)) is not None:
                setattr(self, name, Path(path))

    def parameters(self):
        """What its form must have, besides what every form may have."""
        if self.method == "jwt_bearer":
            return {"assertion"}
        if self.method == "private_key_jwt":
            names = {"client_assertion", "client_assertion_type"}
            return names | {"client_id"} if self.with_client_id else names
        return {"client_id", "client_secret"} if self.method == "post" else {"client_id"}

    def check(self, client_id, form, certificate):
        """Unexpected, Wrong, or nothing. CERTIFICATE: what TLS has verified, in DER, or None."""
        if self.method == "post":
            agree(form["client_secret"] == self.secret, "the secret")
        elif self.method == "private_key_jwt":
            require(form["client_assertion_type"] == ASSERTION_TYPE, "client_assertion_type")
            claims = self.check_assertion(form["client_assertion"], {"sub"})
            require(claims["iss"] == claims["sub"], "iss and sub are not the same")
            require(form.get("client_id", client_id) == client_id, "client_id is another one")
        elif self.method == "jwt_bearer":
            claims = self.check_assertion(form["assertion"],
                                          {"scope"} | ({"sub"} if self.subject else set()))
            agree(claims.get("sub") == self.subject, "the subject is another one")
        elif self.method != "none":
            agree(certificate, "there is no certificate")
            agree(self.is_ours(certificate), "the certificate is another one")

    def is_ours(self, certificate):
        if self.method == "self_signed_tls_client_auth":
            return certificate == ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        return subject_of(certificate) == subject_of(
            ssl.PEM_cert_to_DER_cert(self.certificate.read_text()))

    def check_assertion(self, assertion, members):
        """Its claims, which have these MEMBERS besides those of each."""
        header, claims, signed, signature = parse(assertion)
        named = {"kid": self.key_id} if self.key_id else {}
        if self.jwks:
            named["kid"] = header.get("kid")
        if self.thumbprint:
            der = ssl.PEM_cert_to_DER_cert(self.thumbprint.read_text())
            digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest())
            named["x5t#S256"] = digest.decode().rstrip("=")
        require(header.keys() == {"alg", "typ"} | named.keys() and header["typ"] == "JWT",
                f"the header of the assertion is {header}")
        require(claims.keys() == {"iss", "aud", "jti", "iat", "exp"} | members,
                f"the claims of the assertion are {sorted(claims)}")
        require(re.fullmatch(r"[0-9a-f]{32}", claims["jti"]), "jti is not 128 bits of chance")
        require(claims["jti"] not in self.seen, "jti was there before")
        self.seen.add(claims["jti"])
        now = time.time()
        require(abs(claims["iat"] - now) <= SKEW, "iat is not now")
        require(now < claims["exp"] <= now + LIFE_MAX + SKEW, "exp is not soon")
        agree(header["alg"] == self.algorithm, "the algorithm is another one")
        agree(all(header[name] == value for name, value in named.items()), "there is no such key")
        agree(claims["aud"] == self.audience, "the audience is another one")
        key = key_of(self.jwks, named["kid"]) if self.jwks else self.public_key.read_bytes()
        agree(self.is_signed(signed, signature, key), "the signature")
        return claims

    def is_signed(self, signed, signature, key):
        digest, options, size = ALGORITHMS[self.algorithm]
        if size:
            if len(signature) != 2 * size:
                return False
            signature = der_sequence(signature[:size], signature[size:])
        with tempfile.NamedTemporaryFile() as file, tempfile.NamedTemporaryFile() as key_file:
            for each, content in (file, signature), (key_file, key):
                each.write(content)
                each.flush()
            return subprocess.run(
                ["openssl", "dgst", f"-{digest}", *options, "-verify", key_file.name,
                 "-signature", file.name], input=signed, capture_output=True,
                check=False).returncode == 0


def key_of(jwks, key_id):
    """The public key of that id in a set (RFC 7517 5), in PEM."""
    from jwcrypto.jwk import JWK    # not there where ./quickstart runs, which has no such client

    keys = [each for each in json.loads(jwks.read_text())["keys"] if each.get("kid") == key_id]
    agree(len(keys) == 1, "there is no such key")
    key = JWK(**keys[0])
    agree(not key.has_private, "the key that was registered is a private one")
    return key.export_to_pem()


def decode(part):
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise Unexpected("the assertion is not base64url") from None


def parse(assertion):
    match = JWS.fullmatch(assertion)
    require(match, "the assertion is no JWS in compact form")
    try:
        header, claims = json.loads(decode(match[1])), json.loads(decode(match[2]))
    except ValueError:
        raise Unexpected("the assertion is not of JSON") from None
    return header, claims, f"{match[1]}.{match[2]}".encode(), decode(match[3])


def issuer_of(form):
    """Who has made the assertion in FORM, as it says; None: there is none."""
    assertion = form.get("client_assertion") or form.get("assertion")
    return parse(assertion)[1].get("iss") if assertion else None


def scope_of(form):
    """What is asked for with an assertion."""
    return parse(form["assertion"])[1].get("scope", "")


def der_integer(number):
    number = number.lstrip(b"\0") or b"\0"
    if number[0] & 0x80:
        number = b"\0" + number
    return b"\x02" + bytes([len(number)]) + number


def der_sequence(*numbers):
    """OpenSSL has the two numbers of a signature so; a JWS has them one behind the other."""
    body = b"".join(map(der_integer, numbers))
    return b"\x30" + bytes([len(body)]) + body      # shorter than 128: at most 2 * 51


def subject_of(certificate):
    done = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-nameopt",
                           "RFC2253"], input=certificate, capture_output=True, check=True)
    return done.stdout
