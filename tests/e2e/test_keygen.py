# SPDX-License-Identifier: MIT
"""bearerctl keygen: what it registers is what bearerd-fetch then signs with."""

import json
import os
import subprocess
import time

import pytest
from fetcher import TIMEOUT, Fetcher
from jwcrypto.jwk import JWK

ALGORITHMS = {"RS256": "RSA", "RS384": "RSA", "PS256": "RSA", "ES256": "EC", "ES384": "EC"}


@pytest.fixture(name="keygen")
def a_keygen(programs, tmp_path):
    def run(*arguments, path=None):
        environment = dict(os.environ) | ({"PATH": str(path)} if path else {})
        return subprocess.run(
            [programs.bearerctl, "keygen", "athena", "--fetch", programs.fetch, *arguments],
            capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment)
    return run


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pair_is_one_and_signs(keygen, programs, endpoint, tmp_path, algorithm):
    file = tmp_path / "key"
    done = keygen("--algorithm", algorithm, "--output", str(file))
    assert done.returncode == 0
    [public] = json.loads(done.stdout)["keys"]
    private = json.loads(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert public == {name: value for name, value in private.items()
                      if name not in ("d", "p", "q", "dp", "dq", "qi")}
    assert private["d"] not in done.stdout + done.stderr
    assert (public["kty"], public["alg"], public["use"]) == (ALGORITHMS[algorithm], algorithm, "sig")
    key = JWK(**public)
    assert not key.has_private and key.thumbprint() == public["kid"]
    assert f"signing_algorithm = {algorithm} and private_key = file:{file}" in done.stderr

    registered = tmp_path / "registered.pem"
    registered.write_bytes(key.export_to_pem())
    fetcher = Fetcher(programs.fetch, tmp_path, endpoint)
    fetcher.keys |= {"client_id": "ours", "client_secret": None, "basic_encoding": None,
                     "client_auth": "private_key_jwt", "signing_algorithm": algorithm,
                     "private_key": f"file:{file}"}
    endpoint.register("ours", "private_key_jwt", algorithm=algorithm, public_key=registered,
                      key_id=public["kid"])
    assert fetcher.fetch()["outcome"] == "granted"


def test_no_two_are_the_same(keygen, tmp_path):
    made = [keygen("--algorithm", "ES256", "--output", f"{tmp_path}/{i}").stdout for i in range(2)]
    assert made[0] != made[1]


def test_key_that_is_there_is_left_alone(keygen, tmp_path):
    file = tmp_path / "key"
    file.write_text("mine")
    for options in [], ["--encrypt"]:
        done = keygen("--algorithm", "ES256", "--output", str(file), *options)
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr == (f"bearerctl: keygen: {file}: it is there already; remove it, or "
                               "--output another\n")
    assert file.read_text() == "mine"


def test_key_that_is_not_made_leaves_nothing(keygen, tmp_path):
    file = tmp_path / "keys/key"
    for options in [], ["--encrypt"]:
        done = keygen("--algorithm", "ES256", "--output", str(file), *options)
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr == (f"bearerctl: keygen: {file}: its directory is not there; "
                               "'install -d -m 0700' makes one\n")
    file.parent.mkdir()
    done = keygen("--algorithm", "ES256", "--output", str(file), "--fetch", "/nowhere")
    assert (done.returncode, done.stderr) == \
        (73, "bearerctl: keygen: /nowhere: No such file or directory; see --fetch\n")
    done = keygen("--algorithm", "HS256", "--output", str(file))
    assert done.returncode == 64 and "RS256, RS384, PS256, ES256 or ES384" in done.stderr
    assert os.listdir(file.parent) == []


@pytest.fixture(name="slow")
def a_slow_fetch(programs, tmp_path):
    """A bearerd-fetch that has written half of the key, and goes on when it is told to."""
    os.mkfifo(tmp_path / "told")
    script = tmp_path / "slow-fetch"
    script.write_text(f'''#!/bin/sh
printf '{{"kty":' >&3
touch {tmp_path}/began
read -r _ <{tmp_path}/told
exec {programs.fetch} "$@"
''')
    script.chmod(0o755)
    return script


def start_slowly(programs, slow, file):
    process = subprocess.Popen(
        [programs.bearerctl, "keygen", "athena", "--fetch", slow, "--algorithm", "ES256", "--output",
         file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + TIMEOUT
    while not slow.with_name("began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_key_is_there_when_it_is_whole(programs, slow, tmp_path):
    file = tmp_path / "keys/key"
    file.parent.mkdir()
    process = start_slowly(programs, slow, file)
    [half] = file.parent.iterdir()
    assert not file.exists() and half.stat().st_mode & 0o777 == 0o600
    slow.with_name("told").write_text("\n")
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and os.listdir(file.parent) == ["key"]


def test_key_that_came_meanwhile_is_left_alone(programs, slow, tmp_path):
    file = tmp_path / "keys/key"
    file.parent.mkdir()
    process = start_slowly(programs, slow, file)
    file.write_text("mine")
    slow.with_name("told").write_text("\n")
    _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 73 and "it is there already; remove it" in said
    assert file.read_text() == "mine" and os.listdir(file.parent) == ["key"]


def test_key_is_encrypted_by_systemd(keygen, tmp_path):
    """By one that writes down what it is told: the real one wants a host key."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/systemd-creds"
    script.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/told\nexec /bin/cat >"$4"\n')
    script.chmod(0o755)
    file = tmp_path / "key"
    done = keygen("--algorithm", "ES384", "--encrypt", "--output", str(file), path=tmp_path / "bin")
    assert done.returncode == 0
    assert (tmp_path / "told").read_text() == f"encrypt --name=athena.private_key - {file}\n"
    assert json.loads(file.read_text())["kid"] == json.loads(done.stdout)["keys"][0]["kid"]
    assert "private_key = credential:athena.private_key" in done.stderr


def test_key_that_systemd_does_not_encrypt(keygen, tmp_path):
    (tmp_path / "bin").mkdir()
    for script, why in ((None, "systemd-creds: No such file or directory; leave out --encrypt"),
                        ("cat >/dev/null; exit 1", "/key: systemd-creds has not written it")):
        if script:
            (tmp_path / "bin/systemd-creds").write_text(f"#!/bin/sh\nPATH=/bin; {script}\n")
            (tmp_path / "bin/systemd-creds").chmod(0o755)
        done = keygen("--algorithm", "ES256", "--encrypt", "--output", f"{tmp_path}/key",
                      path=tmp_path / "bin")
        assert done.returncode == 73 and why in done.stderr
        assert done.stderr.count("\n") == 1 and not (tmp_path / "key").exists()


@pytest.mark.parametrize("arguments", [
    ["keygen"], ["keygen", "athena"], ["keygen", "--algorithm", "ES256"],
    ["keygen", "../athena", "--algorithm", "ES256"], ["keygen", "athena", "--algorithm", "RS1"],
    ["keygen", "athena", "--algorithm", "ES256", "--output", "key"],
])
def test_wrong_usage_is_told(programs, arguments):
    done = subprocess.run([programs.bearerctl, *arguments], capture_output=True, text=True,
                          timeout=TIMEOUT, check=False)
    assert done.returncode == 64 and "bearerctl" in done.stderr
