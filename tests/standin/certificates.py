# SPDX-License-Identifier: MIT
"""certificates - a throw-away CA and the server certificates that it signs, by the openssl command.

EC P-256, valid for two days. A CA that a directory already has is kept while it is good, so that
a stand-in that is started again there is trusted as before.
"""

import subprocess

DAYS = 2
SECONDS_PER_DAY = 86400

# What a leaf is for: its subjectAltName, its days of validity, and whether the CA signs it.
KINDS = {
    "good": ("DNS:localhost, IP:127.0.0.1", DAYS, True),
    "expired": ("DNS:localhost, IP:127.0.0.1", -1, True),
    "wrong-host": ("DNS:elsewhere.example", DAYS, True),
    "untrusted": ("DNS:localhost, IP:127.0.0.1", DAYS, False),
}

CONFIGURATION = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stdout.decode(errors='replace')}")


def is_good(certificate):
    return certificate.exists() and subprocess.run(
        ["openssl", "x509", "-in", certificate, "-noout", "-checkend", str(SECONDS_PER_DAY)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def make_authority(directory, name="ca"):
    """NAME.pem and NAME.key in DIRECTORY; returns the path of the certificate."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    if is_good(certificate) and key.exists():
        return certificate
    configuration = directory / f"{name}.cnf"
    configuration.write_text(CONFIGURATION.format(names="DNS:unused"))
    openssl("req", "-x509", "-config", configuration, "-extensions", "ca", "-days", DAYS,
            "-subj", f"/CN=Throw-away {name} of a bearerd test",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", certificate)
    return certificate


def make_leaf(directory, kind):
    """server.pem and server.key in DIRECTORY; returns both paths."""
    names, days, trusted = KINDS[kind]
    signer = make_authority(directory, "ca" if trusted else "unknown-ca")
    certificate, key = directory / "server.pem", directory / "server.key"
    request, configuration = directory / "server.csr", directory / "server.cnf"
    configuration.write_text(CONFIGURATION.format(names=names))
    openssl("req", "-new", "-config", configuration,
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", signer, "-CAkey", signer.with_suffix(".key"),
            "-extfile", configuration, "-extensions", "leaf", "-days", days, "-out", certificate)
    return certificate, key


def make_client(directory, name, key, days=DAYS, signer="ca", key_options=()):
    """NAME.pem in DIRECTORY, the certificate of a client whose private KEY is there already, by that
    authority; None: by itself. KEY_OPTIONS: how openssl gets at KEY where it is no file. Returns its
    path."""
    certificate, request = directory / f"{name}.pem", directory / f"{name}.csr"
    configuration = directory / f"{name}.cnf"
    configuration.write_text(CONFIGURATION.format(names="DNS:unused"))
    openssl("req", "-new", "-config", configuration, "-subj", f"/O=bearerd test/CN={name}",
            *key_options, "-key", key, "-out", request)
    if signer:
        authority = make_authority(directory, signer)
        by = ["-CA", authority, "-CAkey", authority.with_suffix(".key")]
    else:
        by = [*key_options, "-signkey", key]
    openssl("x509", "-req", "-in", request, *by, "-extfile", configuration, "-extensions", "client",
            "-days", days, "-out", certificate)
    return certificate
