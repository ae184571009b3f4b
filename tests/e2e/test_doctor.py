# SPDX-License-Identifier: MIT
"""bearerctl doctor: each thing that can be wrong is the first one that it names."""

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from email.utils import formatdate

import certificates
import doctor
import operators
import pytest
from account import NOBODY, needs_root
from doctor import Doctor
from pace import FAST, until

SECRET = "standin-secret/that-is-another-one"


@pytest.fixture(name="started")
def a_started_one(broker, programs, endpoint):
    """A bearerd with a token and a control socket, and a doctor for it."""
    def make(**keys):
        bearerd = broker(start=False, **{**FAST, **keys})
        one = doctor.start(programs, bearerd, endpoint)
        settle(bearerd)
        return bearerd, one
    return make


def settle(bearerd):
    """Until what was asked of the endpoint is over, and more may be."""
    operator = operators.Operator(bearerd)
    until(lambda: not (token := operator.token())["fetching"]
          and (token["valid"] or token["last_error"]))
    time.sleep(0.2)     # min_renewal_interval


def token_requests(endpoint):
    return len(endpoint.token_requests)


def rename(bearerd, **keys):
    bearerd.config["token athena"] |= keys
    bearerd.write_config()


def reload(bearerd, endpoint):
    """And the renewal that comes of it is over."""
    before = token_requests(endpoint)
    bearerd.reload()
    endpoint.wait_for_requests(before + 1, doctor.TIMEOUT)
    settle(bearerd)


@contextmanager
def answering(listener, text):
    """Whoever connects first is answered with TEXT, whatever it says."""
    def answer():
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            connection.recv(4096)
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)

    listener.listen()
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# When all is well.

def test_nothing_is_wrong(started, endpoint):
    _, one = started()
    found, last = one.lines()
    assert {each.result for each in found} == {"ok"}, found
    assert {each.check for each in found} == set(doctor.ORDER)
    assert last == "Nothing is wrong; one token request was made."
    assert len(endpoint.records("look")) == 1


def test_the_one_request_is_a_renewal_that_workers_get(started, endpoint):
    bearerd, one = started()
    before = bearerd.get("/v1/token").body["generation"]
    one.lines()
    after = bearerd.get("/v1/token").body
    assert after["generation"] > before
    assert after["access_token"] == endpoint.tokens[-1]


def test_no_request_makes_none(started, endpoint):
    _, one = started()
    before = token_requests(endpoint)
    found, last = one.lines("--no-request")
    assert {each.result for each in found} == {"ok"}
    assert "not tried now" in next(each.text for each in found if each.check == "credentials")
    assert last == "Nothing is wrong; no token request was made."
    assert token_requests(endpoint) == before


def test_json(started):
    _, one = started()
    said = one.json()
    assert said["ok"] is True
    assert said["token_requests"] == 1
    assert [each["check"] for each in said["checks"] if each["check"] != "path"] == \
        [check for check in doctor.ORDER if check != "path"]
    assert {each["result"] for each in said["checks"]} == {"ok"}


def test_json_of_what_is_wrong(started, endpoint):
    bearerd, one = started()
    rename(bearerd, client_secret="file:/nowhere/secret")
    said = one.json()
    assert (said["ok"], said["token_requests"]) == (False, 0)
    assert said["checks"][-1].keys() == {"check", "result", "message", "mend"}
    assert said["checks"][-1]["result"] == "wrong"


def test_who_may_not_use_the_control_socket_is_told_what_is_skipped(started, programs, endpoint):
    bearerd, _ = started()
    before = token_requests(endpoint)
    one = Doctor(programs, bearerd, endpoint, control=False)
    found, last = one.lines()
    skipped = {each.check: each.text for each in found if each.result == "skipped"}
    assert skipped.keys() == {"path", "loaded", "budget"}
    assert last == "Nothing is wrong in what was looked at; 3 checks were skipped; " \
        "no token request was made."
    assert token_requests(endpoint) == before


# Configuration and paths.

def test_configuration_with_a_mistake(started, endpoint):
    bearerd, one = started()
    rename(bearerd, refresh_behind="5min")
    text = one.wrong("configuration")
    assert f"{bearerd.config_file}:" in text
    assert f"'bearerd --check-config --config {bearerd.config_file}' tells every mistake" in text
    assert not endpoint.records("look")


def test_configuration_that_is_not_there(started):
    bearerd, one = started()
    one.options[1] = bearerd.directory / "nothing.conf"
    text = one.wrong("configuration")
    assert text.startswith(f"there is no {bearerd.directory}/nothing.conf; copy /")
    assert "/doc/bearerd/bearerd.conf.example there and fill it in" in text and "--config" in text


def test_configuration_without_the_token(started):
    _, one = started()
    assert "has no token other" in one.wrong("configuration", "other")


def test_configuration_that_bearerd_could_not_take(started):
    bearerd, one = started()
    rename(bearerd, refresh_behind="5min")
    bearerd.reload()
    rename(bearerd, refresh_behind=None)
    text = one.wrong("loaded")
    assert "was wrong when bearerd read it last" in text
    assert f"'bearerd --check-config --config {bearerd.config_file}' tells every mistake" in text


def test_configuration_that_bearerd_has_not_read_yet(started):
    bearerd, one = started()
    bearerd.add_token("other")
    bearerd.write_config()
    assert "systemctl reload bearerd" in one.wrong("loaded", "other")


def test_configuration_that_was_edited_since_bearerd_read_it(started, endpoint):
    bearerd, one = started()
    rename(bearerd, connect_timeout="9s")
    found, _ = one.lines("--no-request")
    assert [each for each in found if each.result != "ok"] == \
        [("warning", "loaded",
          f"{bearerd.config_file} was edited since bearerd read it; systemctl reload bearerd")]
    link = bearerd.directory / "link"
    link.symlink_to(bearerd.config_file)
    assert f"{bearerd.config_file} was edited since" in one.run("--no-request", "--config", link).stdout
    reload(bearerd, endpoint)
    assert {each.result for each in one.lines("--no-request")[0]} == {"ok"}


def test_configuration_that_is_not_the_one_of_bearerd(started):
    bearerd, one = started()
    one.options[1] = other = bearerd.directory / "other.conf"
    shutil.copy(bearerd.config_file, other)
    found, _ = one.lines("--no-request")
    assert [each.text for each in found if each.result != "ok"] == \
        [f"bearerd has read {bearerd.config_file}, not {other}; name that by --config"]


def test_configuration_that_others_can_write(started):
    bearerd, one = started()
    bearerd.config_file.chmod(0o666)
    assert "0666" in one.wrong("path")


def test_path_of_a_credential(started):
    bearerd, one = started()
    secret = bearerd.directory / "athena.client_secret"
    secret.chmod(0o644)
    assert f"{secret}: 0644 " in one.wrong("path")
    secret.unlink()
    assert f"{secret}: No such file" in one.wrong("path")


def test_path_of_a_key(started):
    bearerd, one = started()
    key = bearerd.directory / "key.pem"
    certificate = bearerd.directory / "certificate.pem"
    rename(bearerd, client_secret=None, basic_encoding=None, client_auth="tls_client_auth",
           private_key=f"file:{key}", client_certificate=f"file:{certificate}")
    for file in (key, certificate):
        file.write_text("nothing that the doctor reads")
        file.chmod(0o644)
    assert f"{key}: 0644 " in one.wrong("path")
    key.chmod(0o600)
    certificate.unlink()
    assert f"{certificate}: No such file" in one.wrong("path")


def test_certificate_of_the_client_that_expires_soon(started, endpoint):
    """It is told of, and stops nothing."""
    bearerd, one = started()
    key = bearerd.directory / "key.pem"
    certificates.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-out", key)
    certificate = certificates.make_client(endpoint.directory, "ours", key, days=13)
    endpoint.register("ours", "tls_client_auth", certificate=certificate)
    rename(bearerd, client_id="ours", client_secret=None, basic_encoding=None,
           client_auth="tls_client_auth", private_key=f"file:{key}",
           client_certificate=f"file:{certificate}")
    reload(bearerd, endpoint)
    found, last = one.lines()
    [warning] = [each for each in found if each.result != "ok"]
    assert (warning.result, warning.check) == ("warning", "client_auth")
    assert "client_certificate expires in 1" in warning.text and "have a new one" in warning.text
    assert last == "Nothing is wrong; one token request was made."
    assert "warning" in {each["result"] for each in one.json("--no-request")["checks"]}


def test_path_of_the_certificates(started):
    bearerd, one = started()
    rename(bearerd, tls_ca_file="/nowhere/ca.pem")
    assert "/nowhere/ca.pem" in one.wrong("path")


def test_path_of_the_socket(started):
    bearerd, one = started()
    text = one.wrong("path", arguments=["--socket", bearerd.directory / "not.sock"])
    assert "not.sock: " in text and "systemctl start bearerd.socket" in text
    assert "it is no socket" in one.wrong("path", arguments=["--socket", bearerd.config_file])


@needs_root
def test_directory_that_the_user_may_not_pass(started):
    """A private directory is not opened to everybody where a group will do."""
    bearerd, one = started()
    bearerd.directory.chmod(0o700)
    text = one.wrong("path", "--as", NOBODY.pw_name, **within_parent(bearerd))
    assert f"may not pass it, and so not reach the socket; chgrp it to a group of {NOBODY.pw_name} " \
        "and chmod g+x it, or, if everybody may pass it, chmod o+x it" in text
    shutil.chown(bearerd.directory, group="daemon")
    bearerd.directory.chmod(0o710)
    text = one.wrong("path", "--as", NOBODY.pw_name, **within_parent(bearerd))
    assert f"usermod --append --groups daemon {NOBODY.pw_name}, then start" in text
    assert "o+x" not in text


def test_directory_where_anyone_can_put_another_socket(started):
    bearerd, one = started()
    bearerd.directory.chmod(0o777)
    assert "anyone may put another socket there" in one.wrong("path")


# The workers' side. The directories above are not for nobody: so the socket is named from within.

def within(bearerd):
    bearerd.directory.chmod(0o711)
    return {"arguments": ["--socket", "token.sock", "--control", "control.sock"],
            "cwd": bearerd.directory}


def within_parent(bearerd):
    name = bearerd.directory.name
    return {"arguments": ["--socket", f"{name}/token.sock", "--control", f"{name}/control.sock"],
            "cwd": bearerd.directory.parent}


@needs_root
def test_group_is_missing(broker, programs, endpoint):
    bearerd = broker(start=False, broker={"socket_mode": "0660", "socket_group": "daemon"}, **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    text = one.wrong("group", "--as", NOBODY.pw_name, **within(bearerd))
    assert "is not in group daemon" in text
    assert f"usermod --append --groups daemon {NOBODY.pw_name}" in text


@needs_root
def test_group_of_root_is_for_nobody(broker, programs, endpoint):
    bearerd = broker(start=False, broker={"socket_mode": "0660"}, **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    text = one.wrong("group", "--as", NOBODY.pw_name, **within(bearerd))
    assert "set socket_group = bearer in bearerd.conf" in text and "usermod" not in text


@needs_root
def test_mode_that_lets_no_group_in(broker, programs, endpoint):
    bearerd = broker(start=False, broker={"socket_mode": "0600"}, **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    text = one.wrong("group", "--as", NOBODY.pw_name, **within(bearerd))
    assert "0600" in text and "socket_mode" in text


def test_socket_where_nobody_listens(started):
    bearerd, one = started()
    bearerd.kill()
    assert "systemctl start bearerd" in one.wrong("socket")


def test_control_socket_where_nobody_listens(started):
    bearerd, one = started()
    path = bearerd.directory / "other.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        text = one.wrong("loaded", arguments=["--socket", bearerd.socket, "--control", path])
    assert text.endswith("Connection refused; start it (systemctl start bearerd), or see --control")


def test_socket_where_something_else_answers(started, programs):
    bearerd, one = started()
    path = bearerd.directory / "other.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        with answering(other, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"):
            text = one.wrong("socket", arguments=["--socket", path])
    assert "versions" in text


@needs_root
def test_peer_that_is_not_allowed(broker, programs, endpoint):
    bearerd = broker(start=False, broker={"socket_mode": "0666"}, allow_users="root", **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    text = one.wrong("peer", "--as", NOBODY.pw_name, **within(bearerd))
    assert "allow_users = root" in text


@needs_root
def test_peer_that_is_not_allowed_until_a_reload(broker, programs, endpoint):
    """The lists of the file are not told as if they were bearerd's."""
    bearerd = broker(start=False, broker={"socket_mode": "0666"}, allow_users="root", **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    rename(bearerd, allow_users=NOBODY.pw_name)
    text = one.wrong("peer", "--as", NOBODY.pw_name, **within(bearerd))
    assert "allow_users =" not in text and text.endswith("; systemctl reload bearerd")
    reload(bearerd, endpoint)
    found, _ = one.lines("--as", NOBODY.pw_name, "--no-request", **within(bearerd))
    assert ("ok", "peer") in [(each.result, each.check) for each in found]


@needs_root
def test_peer_that_is_allowed(broker, programs, endpoint):
    bearerd = broker(start=False, broker={"socket_mode": "0666"}, allow_users=NOBODY.pw_name,
                     **FAST)
    one = doctor.start(programs, bearerd, endpoint)
    found, _ = one.lines("--as", NOBODY.pw_name, "--no-request", **within(bearerd))
    assert ("ok", "peer", f"{NOBODY.pw_name} may have token athena") in found
    assert "root may not have" in one.wrong("peer", "--no-request", **within(bearerd))


# The network.

def test_name_that_does_not_resolve(started, endpoint):
    bearerd, one = started()
    rename(bearerd, token_url=f"https://nothing.invalid:{endpoint.port}/oauth2/v1/token")
    assert "nothing.invalid" in one.wrong("dns")


def test_port_that_is_closed(started):
    bearerd, one = started()
    rename(bearerd, token_url=f"https://localhost:{free_port()}/oauth2/v1/token")
    assert "firewall" in one.wrong("tcp")
    [dns] = [each for each in one.lines()[0] if each.check == "dns"]
    assert dns.text.endswith("/oauth2/v1/token resolves")


@pytest.mark.parametrize("kind, what, mend", [
    ("untrusted", "Throw-away unknown-ca", "check tls_ca_file"),
    ("expired", "certificate has expired", "timedatectl"),
    ("wrong-host", "localhost", "check the host in token_url"),
])
def test_certificate(started, endpoint, kind, what, mend):
    _, one = started()
    endpoint.use_certificate(kind)
    before = token_requests(endpoint)
    text = one.wrong("tls")
    assert what in text and mend in text
    assert "certificate of" in text and str(endpoint.ca_file) in text
    assert token_requests(endpoint) == before


def test_handshake_that_fails(started):
    bearerd, one = started()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        rename(bearerd, token_url=f"https://localhost:{port}/oauth2/v1/token")
        with answering(other, b"220 mail.example.com ESMTP\r\n"):
            assert "openssl s_client" in one.wrong("tls")


@pytest.mark.parametrize("ahead", [-7200, 300])
def test_clock_that_is_off(started, endpoint, ahead):
    _, one = started()
    endpoint.behave(on="look", headers={"Date": formatdate(time.time() + ahead, usegmt=True)})
    text = one.wrong("clock")
    assert f"{'behind' if ahead > 0 else 'ahead of'} the endpoint's" in text
    assert any(str(abs(ahead) + off) in text for off in (-2, -1, 0, 1, 2))


def test_endpoint_without_a_date(started, endpoint):
    _, one = started()
    endpoint.behave(on="look", headers={"Date": None})
    found, _ = one.lines()
    assert [each.check for each in found if each.result == "skipped"] == ["clock"]


def test_issuer_is_looked_at_where_there_is_no_url(started, endpoint):
    endpoint.describe()
    _, one = started(token_url=None, issuer=endpoint.base_url)
    found, last = one.lines()
    assert [each.check for each in found if each.result != "ok"] == ["token_url"]
    assert {each.check for each in found} == {*doctor.ORDER, "token_url"}
    assert last == "Nothing is wrong in what was looked at; 1 check was skipped; " \
        "one token request was made."


# bearerd-fetch.

@pytest.mark.parametrize("where, text, mend", [
    ("/nowhere/bearerd-fetch", "No such file", "install it there"),
    ("", "No such file", "install it there"),
    ("/etc/passwd", "Permission denied", "install it there"),
    ("/bin/true", "it says nothing", "versions go together"),
    ("/bin/echo", "it says nothing", "versions go together"),
    ("unix:/nowhere/fetch.sock", "No such file", "systemctl restart bearerd-fetch.socket"),
    ("unix:", "Invalid argument", "systemctl restart bearerd-fetch.socket"),
])
def test_fetch_that_does_not_answer_where_it_is_said_to_be(started, where, text, mend):
    _, one = started()
    one.options[3] = where
    said = one.wrong("fetch", "--no-request")
    assert f"bearerd-fetch at '{where}'" in said and text in said and mend in said


def fetched_by(broker, programs, endpoint, where, control=True):
    """A bearerd whose requests WHERE makes, and a doctor that is not told that."""
    bearerd = broker(start=False, **FAST)
    bearerd.arguments[bearerd.arguments.index("--fetch") + 1] = where
    operators.start(bearerd)
    one = Doctor(programs, bearerd, endpoint, control)
    del one.options[2:]
    return one


@pytest.mark.parametrize("prefix, mend", [
    ("unix:", "systemctl restart bearerd-fetch.socket"), ("", "install it there")])
@pytest.mark.parametrize("control", [True, False])
def test_fetch_that_is_not_where_bearerd_has_it(broker, programs, endpoint, tmp_path, prefix, mend,
                                                control):
    where = f"{prefix}{tmp_path}/fetch"
    one = fetched_by(broker, programs, endpoint, where, control)
    one.bearerd.get("/v1/token?timeout=0")
    text = one.wrong("fetch")
    assert where in text and "No such file" in text and mend in text


def test_fetch_socket_of_bearerd_where_nobody_listens(broker, programs, endpoint, tmp_path):
    with socket.socket(socket.AF_UNIX) as unheard:
        unheard.bind(str(tmp_path / "fetch"))
        one = fetched_by(broker, programs, endpoint, f"unix:{tmp_path}/fetch")
        assert "Connection refused; systemctl restart bearerd-fetch.socket" in one.wrong("fetch")


def test_program_that_bearerd_names_is_not_run_on_its_word(broker, programs, endpoint, tmp_path):
    """It has fewer rights than root has, who asks."""
    program, ran = tmp_path / "bearerd-fetch", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\n[ \"$3\" != --probe ] || touch {ran}\nexec {programs.fetch} \"$@\"\n")
    program.chmod(0o755)
    one = fetched_by(broker, programs, endpoint, program)
    one.bearerd.get("/v1/token")
    found, _ = one.lines("--no-request")
    assert [each for each in found if each.check == "network"
            and "name it by --fetch" in each.text and str(program) in each.text]
    assert not ran.exists()
    assert one.lines("--no-request", "--fetch", program)[0] and ran.exists()


def test_fetch_of_which_nobody_says_where_it_is(started):
    """Where it is not installed, the network is not looked at."""
    _, one = started()
    del one.options[2:]
    one.arguments[2:] = []
    found, last = one.lines()
    assert ("skipped", "network") in [(each.result, each.check) for each in found]
    assert "; 4 checks were skipped; " in last


# The token.

def test_secret_that_is_wrong(started, endpoint):
    bearerd, one = started()
    bearerd.secret("athena.client_secret", endpoint.client_id, SECRET)
    before = token_requests(endpoint)
    text = one.wrong("credentials")
    assert "HTTP 401 invalid_client" in text and "reload bearerd" in text
    assert token_requests(endpoint) == before + 1


def test_secret_that_is_empty(started, endpoint):
    bearerd, one = started()
    bearerd.credential("athena.client_secret", "")
    before = token_requests(endpoint)
    assert "it is empty" in one.wrong("credentials")
    assert token_requests(endpoint) == before


def test_scope_that_is_refused(started, endpoint):
    _, one = started()
    endpoint.next("invalid-scope")
    assert "HTTP 400 invalid_scope" in one.wrong("scope")


def test_scope_that_is_narrower(started, endpoint):
    _, one = started()
    endpoint.behave(members={"scope": '"athena/service/Athenanet.Read"'})
    text = one.wrong("scope")
    assert "Athenanet.MDP.* was asked for and not granted" in text and "Athenanet.Read" in text


def test_life_that_is_short(started, endpoint):
    _, one = started()
    endpoint.behave(expires_in=20)
    assert "lives for 20 s" in one.wrong("lifetime")


def test_endpoint_that_fails(started, endpoint):
    _, one = started(retry_min="1h", retry_max="1h")
    endpoint.next("500")
    assert "HTTP 500" in one.wrong("endpoint")


def test_endpoint_that_asks_for_patience(started, endpoint):
    bearerd, one = started()
    endpoint.behave("429", retry_after=600)
    assert "HTTP 429" in one.wrong("endpoint")
    before = token_requests(endpoint)
    assert "Retry-After" in one.wrong("endpoint")
    assert token_requests(endpoint) == before


def test_budget_that_is_used_up(started, endpoint):
    bearerd, one = started(requests_per_minute=1)
    before = token_requests(endpoint)
    text = one.wrong("budget")
    assert "requests_per_minute" in text
    assert token_requests(endpoint) == before


def test_budget_that_is_used_up_by_what_is_wrong_does_not_hide_that(started, endpoint):
    endpoint.behave(401)
    _, one = started(requests_per_minute=1)
    assert "HTTP 401" in one.wrong("credentials")


# What it is told.

@pytest.mark.parametrize("options, status, text", [
    (["--as", "no-such-user"], 67, "no such user; 'getent passwd' lists them"),
    (["NO"], 64, "'NO': not the name of a token; name one"), (["a", "b"], 64, "doctor --help"),
    (["--nonsense"], 64, "doctor --help"), (["--config"], 64, "doctor --help")])
def test_wrong_usage(started, options, status, text):
    _, one = started()
    one.options = []
    done = one.run(*options)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("bearerctl: ")
    assert text in done.stderr


@pytest.fixture(name="for_a_plain_user")
def what_it_says_to_a_plain_user(broker, programs, endpoint):
    """The configuration is root's."""
    def run(*arguments, socket_path="token.sock", **keys):
        bearerd = broker(start=False, broker={"socket_mode": "0666"}, **{**FAST, **keys})
        doctor.start(programs, bearerd, endpoint)
        bearerd.get("/v1/tokens/athena")
        bearerd.config_file.chmod(0o600)
        for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
            shutil.copy(each, bearerd.directory)
        with socket.socket(socket.AF_UNIX) as unheard:
            unheard.bind(str(bearerd.directory / "other.sock"))
        (bearerd.directory / "other.sock").chmod(0o666)
        bearerd.directory.chmod(0o711)
        return subprocess.run(
            ["./bearerctl", "--socket", socket_path, "--control", "control.sock", "doctor",
             "--config", "bearerd.conf", *arguments],
            user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], cwd=bearerd.directory,
            env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "."}, capture_output=True, text=True,
            check=False, timeout=60)
    return run


@needs_root
@pytest.mark.parametrize("name", [["athena"], []])
def test_for_a_plain_user(for_a_plain_user, endpoint, name):
    """Who sees what a user sees, and is told what is left out; bearerd knows the default's name."""
    done = for_a_plain_user(*name)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    results = {line[9:].split()[0]: line[:8].strip() for line in done.stdout.splitlines()[:-1]}
    assert results["configuration"] == results["network"] == "skipped"
    assert results["group"] == results["socket"] == results["peer"] == "ok"
    assert results["credentials"] == "ok" and results["scope"] == results["budget"] == "skipped"
    assert f"{NOBODY.pw_name} may have token athena" in done.stdout
    assert token_requests(endpoint) == 1


@needs_root
@pytest.mark.parametrize("keys, check, text", [
    ({"tokens": {"athena": {}, "other": {}}}, "configuration", "bearerd tells it of no default token"),
    ({"allow_users": "root"}, "configuration", "bearerd tells it of no default token"),
    ({"socket_path": "nothing.sock"}, "path", "nothing.sock: No such file"),
    ({"socket_path": "other.sock"}, "socket", "Connection refused")])
def test_default_that_a_plain_user_is_not_told(for_a_plain_user, keys, check, text):
    done = for_a_plain_user(**keys)
    *_, wrong, _ = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    assert wrong.split()[:2] == ["WRONG", check] and text in wrong


def test_token_that_was_renewed_just_now(started, endpoint):
    _, one = started(min_renewal_interval="1h")
    found, last = one.lines()
    text = next(each.text for each in found if each.check == "credentials")
    assert "accepted at the last renewal" in text and "has just been" in text
    assert last == "Nothing is wrong; no token request was made, one follows."
