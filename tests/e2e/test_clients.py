# SPDX-License-Identifier: MIT
"""Real clients: curl, Python's http.client, Node's http, bearerctl, and the library."""

import json
import os
import shutil
import socket
import subprocess
import time

import account
import pytest
from account import needs_root

NODE = """
const http = require('http');
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const [socketPath, ...paths] = process.argv.slice(1);
function ask(path) {
  return new Promise((resolve, reject) => {
    const request = http.get({socketPath, path, agent}, response => {
      let body = '';
      response.on('data', part => { body += part; });
      response.on('end', () => resolve({status: response.statusCode, kept: request.reusedSocket,
                                        body: JSON.parse(body)}));
    });
    request.on('error', reject);
  });
}
(async () => {
  const answers = [];
  for (const path of paths) {
    answers.push(await ask(path));
    await new Promise(setImmediate);    // the agent takes its socket back
  }
  console.log(JSON.stringify(answers));
  agent.destroy();
})();
"""


def run(command, **environment):
    return subprocess.run(command, env=os.environ | environment, capture_output=True, check=False,
                          text=True, timeout=30)


@pytest.fixture(name="bearerctl")
def a_bearerctl(programs):
    def call(bearerd, *arguments):
        return run([programs.bearerctl, *arguments], BEARERD_SOCKET=str(bearerd.socket))
    return call


# curl.

def test_curl(broker, endpoint):
    bearerd = broker()
    done = run(["curl", "-sSf", "--unix-socket", bearerd.socket, "http://localhost/v1/token"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["access_token"] == endpoint.tokens[0]


def test_curl_calls_the_api_with_the_header_from_a_file(broker, endpoint):
    bearerd = broker()
    header = bearerd.directory / "header"
    run(["curl", "-sSf", "--unix-socket", bearerd.socket, "-o", header, "http://x/v1/token/header"])
    done = run(["curl", "-sSf", "--cacert", endpoint.ca_file, "-H", f"@{header}",
                f"{endpoint.base_url}/v1/195900/ping"])
    assert (done.returncode, done.stdout) == (0, '{"pong":"true"}'), done.stderr
    assert endpoint.api_requests[0].decision == "correct"


def test_curl_with_an_oauth_request(broker, endpoint):
    bearerd = broker()
    done = run(["curl", "-sSf", "--unix-socket", bearerd.socket, "--user", "id:secret",
                "--data", "grant_type=client_credentials",
                "--data-urlencode", "scope=athena/service/Athenanet.MDP.*",
                "http://localhost/oauth2/v1/token"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["access_token"] == endpoint.tokens[0]


def test_curl_keeps_its_connection(broker):
    bearerd = broker()
    done = run(["curl", "-sS", "--unix-socket", bearerd.socket, "-w", "%{num_connects}",
                *["-o", "/dev/null", "http://localhost/v1/token"] * 3])
    assert (done.returncode, done.stdout) == (0, "100"), done.stderr


@pytest.mark.parametrize("method", ["HEAD", "PATCH"])
def test_curl_with_an_odd_method_does_not_hang(broker, method):
    bearerd = broker()
    option = ["--head"] if method == "HEAD" else ["-X", method]
    done = run(["curl", "-sS", "--max-time", "10", "--unix-socket", bearerd.socket, *option,
                "-w", "%{http_code}", "-o", "/dev/null", "http://localhost/v1/token"])
    assert (done.returncode, done.stdout) == (0, "405"), done.stderr


# Python.

def test_http_client_keeps_its_connection(broker, endpoint):
    bearerd = broker()
    with bearerd.connect() as connection:
        connection.connect()
        kept = connection.sock
        for _ in range(3):
            assert connection.get("/v1/token").body["access_token"] == endpoint.tokens[0]
        assert connection.sock is kept


# Node.

def test_node_keeps_its_connection(broker, endpoint):
    bearerd = broker()
    done = run(["node", "-e", NODE, "--", bearerd.socket, "/v1/token", "/v1/tokens/nope",
                "/v1/token"])
    assert done.returncode == 0, done.stderr
    first, unknown, last = json.loads(done.stdout)
    assert [each["status"] for each in (first, unknown, last)] == [200, 404, 200]
    assert [each["kept"] for each in (first, unknown, last)] == [False, True, True]
    assert first["body"]["access_token"] == last["body"]["access_token"] == endpoint.tokens[0]


# bearerctl.

def test_bearerctl_get(broker, endpoint, bearerctl):
    bearerd = broker()
    for arguments in (["get"], ["get", "athena"], ["get", "--wait", "5"]):
        done = bearerctl(bearerd, *arguments)
        assert (done.returncode, done.stdout) == (0, endpoint.tokens[0] + "\n"), done.stderr


def test_bearerctl_get_json(broker, endpoint, bearerctl):
    bearerd = broker()
    done = bearerctl(bearerd, "get", "--json")
    body = json.loads(done.stdout)
    assert (done.returncode, body["access_token"]) == (0, endpoint.tokens[0])
    # How long it may be kept is for who keeps it.
    assert body.keys() == bearerd.get("/v1/token").body.keys() - {"served_for"}


def test_bearerctl_takes_a_url(broker, programs, endpoint):
    bearerd = broker()
    for path in (bearerd.socket, f"unix://{bearerd.socket}"):
        done = run([programs.bearerctl, "--socket", path, "get"], BEARERD_SOCKET="/nowhere")
        assert (done.returncode, done.stdout) == (0, endpoint.tokens[0] + "\n"), done.stderr


def test_bearerctl_header(broker, endpoint, bearerctl):
    done = bearerctl(broker(), "header")
    assert (done.returncode, done.stdout) == (0, f"Authorization: Bearer {endpoint.tokens[0]}\n")


def test_bearerctl_renew_then_it_is_fresh(broker, endpoint, bearerctl):
    bearerd = broker(requests_per_minute=600, min_renewal_interval="100ms")
    bearerd.wait_for_log("granted")
    time.sleep(0.1)     # min_renewal_interval
    done = bearerctl(bearerd, "renew", "athena")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("athena: generation ")
    assert len(endpoint.tokens) == 2
    again = bearerctl(bearerd, "renew")
    assert (again.returncode, again.stdout) == (75, "")
    assert "permissions" in again.stderr


def test_bearerctl_status(broker, endpoint, bearerctl):
    bearerd = broker(requests_per_minute=600,
                     tokens={"bad": {"scope": "wrong"}, "good": {"default": "yes"}})
    for name in ("bad", "good"):
        bearerd.get(f"/v1/tokens/{name}")
    done = bearerctl(bearerd, "status")
    assert done.returncode == 0, done.stderr
    head, bad, good = done.stdout.splitlines()
    assert head.split()[0] == "TOKEN"
    assert bad.startswith("bad ") and "no token" in bad and "invalid_scope" in bad
    assert good.startswith("good (default) ") and ", for 59 min" in good
    assert all(token not in done.stdout for token in endpoint.tokens)


@pytest.mark.parametrize("arguments, variable", [([], "BEARER_TOKEN"),
                                                 (["athena", "--env", "MINE"], "MINE"),
                                                 (["--env", "_OAUTH2_1"], "_OAUTH2_1")])
def test_bearerctl_exec_gives_the_token_and_the_exit_status(broker, endpoint, bearerctl, arguments,
                                                            variable):
    done = bearerctl(broker(), "exec", *arguments, "--", "sh", "-c", f'echo "${variable}"; exit 7')
    assert (done.returncode, done.stdout) == (7, endpoint.tokens[0] + "\n"), done.stderr


@pytest.mark.parametrize("name", ["", "1TOKEN", "A=B", "A B", "A-B"])
def test_bearerctl_exec_refuses_what_is_no_variable(broker, bearerctl, name):
    done = bearerctl(broker(start=False), "exec", "--env", name, "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (64, "")
    assert "the name of a variable is needed" in done.stderr


def test_bearerctl_exec_of_what_cannot_be_run(broker, bearerctl):
    bearerd = broker()
    assert bearerctl(bearerd, "exec", "--", "/nonexistent").returncode == 127
    assert bearerctl(bearerd, "exec", "--", "/etc/passwd").returncode == 126
    assert bearerctl(bearerd, "exec").returncode == 64


def test_bearerctl_without_bearerd(broker, bearerctl):
    bearerd = broker(start=False)
    commands = ["get"], ["header"], ["renew"], ["status"], ["exec", "--", "echo", "ran"]
    for command in commands:
        done = bearerctl(bearerd, *command)
        assert (done.returncode, done.stdout) == (69, "")
        assert str(bearerd.socket) in done.stderr
    bearerd.start()
    bearerd.kill()
    assert bearerd.socket.exists()
    assert [bearerctl(bearerd, *command).returncode for command in commands] == [69] * 5


def test_bearerctl_says_what_is_no_socket_of_bearerd(programs, tmp_path):
    file, datagrams = tmp_path / "file", tmp_path / "datagrams"
    file.touch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(datagrams))
        for path, what in ((tmp_path, "it is no socket"), (file, "it is no socket"),
                           (file / "x", "Not a directory"), (datagrams, "Protocol wrong type")):
            for option, command in (("--socket", ["get"]), ("--socket", ["wait", "--timeout", "9"]),
                                    ("--socket", ["status"]), ("--control", ["metrics"])):
                done = run([programs.bearerctl, option, path, *command])
                assert (done.returncode, done.stdout, done.stderr.count("\n")) == (69, "", 1)
                assert f"bearerd at {path}: {what}" in done.stderr
                assert f"; {option} or $BEARERD_" in done.stderr


@needs_root
def test_bearerctl_says_that_a_file_of_others_is_no_socket(broker, programs):
    """Who may not write to it is told of permissions by the kernel."""
    bearerd = broker()
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    done = account.run(bearerd, ["./bearerctl", "--socket", "/etc/passwd", "get"])
    assert (done.returncode, done.stdout) == (69, "")
    assert "/etc/passwd: it is no socket" in done.stderr


def test_bearerctl_says_which_mistake_it_is(broker, endpoint, bearerctl):
    bearerd = broker(requests_per_minute=600, tokens={"alpha": {}, "beta": {}})
    assert bearerctl(bearerd, "get", "nope").returncode == 66
    done = bearerctl(bearerd, "get")
    assert done.returncode == 64
    assert done.stderr == ("bearerctl: the default token: there is none; name one that 'bearerctl "
                           "status' lists\n")
    for name in ("NO", ""):
        done = bearerctl(bearerd, "get", name)
        assert done.returncode == 64
        assert done.stderr == (f"bearerctl: '{name}': not the name of a token; name one that "
                               "'bearerctl status' lists\n")
    assert bearerctl(bearerd, "nope").returncode == 64


def test_bearerctl_when_the_endpoint_refuses(broker, endpoint, bearerctl):
    endpoint.behave(401)
    bearerd = broker()
    done = bearerctl(bearerd, "get")
    assert (done.returncode, done.stdout) == (78, "")
    assert "refuses the credentials" in done.stderr
    done = bearerctl(bearerd, "exec", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (78, "")


def test_bearerctl_when_the_endpoint_fails(broker, endpoint, bearerctl):
    endpoint.behave(500)
    bearerd = broker()
    bearerd.wait_for_log("no token this time")
    done = bearerctl(bearerd, "get", "--wait", "0")
    assert (done.returncode, done.stdout) == (75, "")


@needs_root
@pytest.mark.parametrize("mode, allow", [("0600", None), ("0666", "root")])
def test_bearerctl_without_permission(broker, programs, mode, allow):
    bearerd = broker(broker={"socket_mode": mode}, allow_users=allow)
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    done = account.run(bearerd, ["./bearerctl", "get"])
    assert (done.returncode, done.stdout) == (77, ""), done.stderr


@needs_root
@pytest.mark.parametrize("mode, group, advice", [
    ("0660", "daemon", "add the user to group daemon, and log in anew"),
    ("0660", "root", "set socket_group = bearer in bearerd.conf, then start bearerd anew"),
    ("0600", "daemon", "set socket_mode = 0660 in bearerd.conf, then start bearerd anew"),
    ("0660", None, "'bearerctl doctor' says what is in the way")])
def test_bearerctl_says_which_group_may_open_the_socket(broker, programs, mode, group, advice):
    bearerd = broker(broker={"socket_mode": mode, "socket_group": group or "daemon"})
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    socket_path = "token.sock"
    if not group:
        closed = bearerd.directory / "closed"
        closed.mkdir(mode=0o700)
        (closed / "token.sock").symlink_to(bearerd.socket)
        socket_path = "closed/token.sock"
    done = account.run(bearerd, ["./bearerctl", "--socket", socket_path, "get"])
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr == f"bearerctl: bearerd at {socket_path}: Permission denied; {advice}\n"


# The library.

def test_worker_of_the_library(broker, programs):
    bearerd = broker()
    worker = programs.libraries / "worker"
    done = run([worker], BEARERD_SOCKET=str(bearerd.socket))
    assert done.returncode == 0, done.stderr
    assert "GET /v1/195900/departments with a token of bearerd" in done.stdout
    done = run([worker], BEARERD_SOCKET=f"{bearerd.socket}.not")
    assert (done.returncode, done.stderr.startswith("worker: ")) == (1, True)


def test_worker_of_the_library_when_the_endpoint_refuses(broker, programs, endpoint):
    endpoint.behave(401)
    done = run([programs.libraries / "worker"], BEARERD_SOCKET=str(broker().socket))
    assert done.returncode == 1
    assert "refuses the credentials" in done.stderr
