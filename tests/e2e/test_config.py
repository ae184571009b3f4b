# SPDX-License-Identifier: MIT
"""The configuration at start, and the command line: what is wrong with them, said at once."""

import os
import re
import subprocess

import pytest
from standin import Standin

MISTAKES = """\
colour = blue
[broker]
socket_mode = 999
sockett = /run/x
[token athena]
token_url = http://example.com/token
client_id = file:relative
client_secret = the-secret-itself
refresh_ahead = soon
refresh_ahead = 5min
 floor = 60s
[token athena]
token_url = https://localhost/token
client_id = env:ID
client_secret = env:SECRET
retry_min = 10s
retry_max = 5s
[tokens]
[token Bad]
token_url = https://localhost/token
client_id = env:ID
"""
# The lines that something is wrong with. 19 lacks its client_secret, too.
LINES = [1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 17, 18, 19, 19]
CONFIGURATION_FILE = "/etc/bearerd/bearerd.conf"


def ends(bearerd, *arguments, write=True):
    """Its exit status, and the lines that it says."""
    if write:
        bearerd.write_config()
    bearerd.arguments += arguments
    bearerd.launch()
    status = bearerd.wait()
    return status, bearerd.log().splitlines()


def call(programs, *arguments):
    return subprocess.run([programs.bearerd, *arguments], capture_output=True, check=False,
                          text=True, timeout=20)


@pytest.mark.parametrize("option", [[], ["--check-config"]])
def test_all_mistakes_are_said_with_file_and_line(broker, option):
    bearerd = broker(start=False)
    bearerd.config_file.write_text(MISTAKES)
    status, said = ends(bearerd, *option, write=False)
    assert status == 78
    found = [re.fullmatch(rf"<3>bearerd: {bearerd.config_file}:(\d+): (.+)", line)
             for line in said]
    assert all(found), said
    assert [int(each[1]) for each in found] == LINES, said
    assert not bearerd.socket.exists()
    assert "the-secret-itself" not in bearerd.log()


def test_good_configuration_is_checked(broker):
    bearerd = broker(start=False, tokens={"alpha": {}, "beta": {}})
    assert ends(bearerd, "--check-config") == (0, [f"{bearerd.config_file}: 2 token(s), all good"])
    assert not bearerd.socket.exists()


def test_users_and_groups_that_do_not_exist_are_all_named(broker):
    bearerd = broker(start=False, broker={"socket_group": "nogroup-c"},
                     allow_users="root, nouser-a", allow_groups="nogroup-b")
    for option in ([], ["--check-config"]):
        bearerd.log_file.unlink(missing_ok=True)
        status, said = ends(bearerd, *option)
        assert (status, len(said)) == (78, 3), said
        written = bearerd.config_file.read_text().splitlines()
        for key, name in (("socket_group", "socket_group 'nogroup-c'"),
                          ("allow_users", "user 'nouser-a'"),
                          ("allow_groups", "group 'nogroup-b'")):
            number = next(n for n, line in enumerate(written, 1) if line.startswith(key))
            [line] = [line for line in said if name in line]
            assert f"{bearerd.config_file}:{number}: " in line


@pytest.mark.parametrize("make, why", [
    (lambda path: None, "No such file"), (lambda path: path.mkdir(), "directory"),
    (lambda path: path.write_text(""), "there is no token"),
    (lambda path: path.write_bytes(b"[token a]\nscope = \0\n"), "conf:2: "),
], ids=["missing", "directory", "empty", "binary"])
def test_file_that_is_none(broker, make, why):
    bearerd = broker(start=False)
    make(bearerd.config_file)
    status, said = ends(bearerd, write=False)
    assert (status, str(bearerd.config_file) in said[0]) == (78, True)
    assert why in bearerd.log()


def test_mistakes_and_warnings_are_told_apart_on_a_terminal(programs, tmp_path):
    file = tmp_path / "bearerd.conf"
    file.write_text("[token a]\ntoken_url = http://localhost/\nclient_id = id\n"
                    "client_secret = env:X\nfloor = x\n")
    ours, theirs = os.openpty()
    try:
        done = subprocess.run([programs.bearerd, "--config", file, "--check-config"],
                              check=False, stderr=theirs, timeout=20)
        said = os.read(ours, 4096).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 78
    assert said[0].startswith(f"bearerd: warning: {file}:2: ")
    assert said[1].startswith(f"bearerd: error: {file}:5: ")


def test_http_is_for_this_host_and_warned_of(broker):
    bearerd = broker(start=False, token_url="http://127.0.0.1:1/token", tls_ca_file=None)
    status, said = ends(bearerd, "--check-config")
    assert (status, len(said)) == (0, 2)
    warning = next(line for line in said if line.startswith("<4>"))
    assert "token_url is http" in warning


# From the environment.

def from_environment(broker, **environment):
    bearerd = broker(start=False, environment=environment)
    at = bearerd.arguments.index("--config")
    del bearerd.arguments[at:at + 2]
    return bearerd


@pytest.mark.skipif(os.path.exists(CONFIGURATION_FILE), reason=f"there is a {CONFIGURATION_FILE}")
def test_environment_makes_one_token(broker, tmp_path):
    with Standin(tmp_path / "other", basic_encoding="rfc6749") as endpoint:
        bearerd = from_environment(broker, BEARERD_CLIENT_ID=endpoint.client_id,
                                   BEARERD_CLIENT_SECRET=endpoint.client_secret,
                                   BEARERD_TOKEN_URL=endpoint.token_url,
                                   BEARERD_SCOPE="athena/service/Athenanet.MDP.*",
                                   BEARERD_PRACTICE_ID="1959", BEARERD_TLS_CA_FILE=endpoint.ca_file)
        bearerd.secret("for-the-search", endpoint.client_id, endpoint.client_secret)
        bearerd.start()
        body = bearerd.get("/v1/token").body
        assert (body["name"], body["practice_id"]) == ("default", "1959")
        assert body["access_token"] == endpoint.tokens[0]
        assert endpoint.tokens[0] not in bearerd.log()


@pytest.mark.skipif(os.path.exists(CONFIGURATION_FILE), reason=f"there is a {CONFIGURATION_FILE}")
def test_mistakes_in_the_environment_are_all_named(broker):
    bearerd = from_environment(broker, BEARERD_CLIENT_ID="id", BEARERD_TOKEN_URL="ftp://x",
                               BEARERD_TLS_CA_FILE="relative")
    status, said = ends(bearerd)
    assert status == 78
    for name in ("BEARERD_CLIENT_SECRET", "BEARERD_TOKEN_URL", "BEARERD_TLS_CA_FILE"):
        assert sum(name in line for line in said) == 1, said
    assert len(said) == 3


@pytest.mark.skipif(os.path.exists(CONFIGURATION_FILE), reason=f"there is a {CONFIGURATION_FILE}")
def test_neither_file_nor_environment(broker):
    status, said = ends(from_environment(broker))
    assert (status, len(said)) == (78, 1)
    assert CONFIGURATION_FILE in said[0]


# The command line.

@pytest.mark.parametrize("arguments", [
    ["--nope"], ["-x"], ["extra"], ["--config"], ["--check-config=yes"], ["--help", "--nope"],
])
def test_wrong_usage(programs, arguments):
    done = call(programs, *arguments)
    if arguments[0] == "--help":
        assert done.returncode == 0
    else:
        assert (done.returncode, done.stdout) == (64, "")
        assert "bearerd --help" in done.stderr


def test_help_and_version(programs):
    done = call(programs, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--config", "--socket", "--fetch", "--check-config"):
        assert option in done.stdout
    done = call(programs, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"bearerd \d+(\.\d+)+\n", done.stdout)
