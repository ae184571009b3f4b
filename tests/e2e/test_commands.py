# SPDX-License-Identifier: MIT
"""bearerctl's commands that go on for longer: wait, exec and write; and what each says of misuse."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import threading
import time

import account
import operators
import pytest
from account import needs_root
from following import renew
from pace import FAST, TIMEOUT, until
from syscalls import without_pidfds

SHORT = 4       # a life in which a renewal is soon
COMMANDS = ["doctor", "exec", "get", "header", "help", "keygen", "metrics", "refresh", "renew",
            "status", "wait", "watch", "write"]


def kill(process):
    """It is the leader of its group, and its command is in that."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(name="ctl")
def a_bearerctl(programs):
    """Starts bearerctl for a bearerd; what is left of them is killed, also while a test waits for
    it to say something, after a minute."""
    started = []

    def start(bearerd, *arguments, before=(), **keys):
        environment = {"BEARERD_SOCKET": str(bearerd.socket),
                       "BEARERD_CONTROL": str(bearerd.directory / "control.sock")}
        process = subprocess.Popen([*before, programs.bearerctl, *arguments],
                                   env=os.environ | environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, **keys)
        timer = threading.Timer(60, kill, [process])
        timer.start()
        started.append((bearerd, process, timer))
        return process

    yield start
    for bearerd, process, timer in started:
        timer.cancel()
        kill(process)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if not stream.closed:
                bearerd.overhear(stream.read())


def end(process, timeout=TIMEOUT):
    """Exit status, stdout and stderr."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


# wait

def test_wait_when_there_is_a_token(broker, ctl):
    assert end(ctl(broker(), "wait")) == (0, "", "")


def test_wait_until_bearerd_is_there(broker, ctl):
    bearerd = broker(start=False)
    process = ctl(bearerd, "wait", "athena", "--timeout", "60")
    assert "No such file" in process.stderr.readline()
    bearerd.start()
    status, _, err = end(process)
    assert (status, err) == (0, "")     # once for each reason


def test_wait_until_the_endpoint_is_well(broker, endpoint, ctl):
    endpoint.behave(401)
    bearerd = broker(denied_min="100ms", denied_max="200ms", **FAST)
    process = ctl(bearerd, "wait")
    assert "refuses the credentials" in process.stderr.readline()
    endpoint.normal()
    assert end(process)[0] == 0


@pytest.mark.parametrize("what, status", [(401, 78), (500, 75)])
def test_wait_no_longer_than_told(broker, endpoint, ctl, what, status):
    endpoint.behave(what)
    bearerd = broker()
    bearerd.wait_for_log("no token this time|refuses")
    began = time.monotonic()
    assert end(ctl(bearerd, "wait", "--timeout", "2"))[0] == status
    assert 1.9 < time.monotonic() - began < TIMEOUT


def test_wait_without_bearerd_no_longer_than_told(broker, ctl):
    assert end(ctl(broker(start=False), "wait", "--timeout", "0"))[0] == 69


def test_wait_does_not_wait_for_what_does_not_come(broker, ctl):
    bearerd = broker(tokens={"a": {}, "b": {}})
    assert end(ctl(bearerd, "wait", "nope"))[0] == 66
    assert end(ctl(bearerd, "wait"))[0] == 64


# exec

def test_exec_by_descriptor(broker, endpoint, ctl):
    bearerd = broker()
    for path in ("/dev/fd/9", "/proc/self/fd/$BEARER_TOKEN_FD"):
        status, out, err = end(ctl(bearerd, "exec", "--fd", "9", "--", "sh", "-c",
                                   f'cat {path}; echo; echo "$BEARER_TOKEN_FD,$BEARER_TOKEN"'))
        assert (status, out, err) == (0, f"{endpoint.tokens[0]}\n9,\n", "")
    _, out, _ = end(ctl(bearerd, "exec", "--fd", "3", "--env", "MINE", "--", "sh", "-c",
                        'cat <&3; echo "$MINE"'))
    assert out == endpoint.tokens[0] + "3\n"


def test_exec_by_descriptor_is_sealed(broker, ctl):
    status, out, _ = end(ctl(broker(), "exec", "--fd", "5", "--", "/usr/bin/python3", "-c", """
import fcntl, os
print(fcntl.fcntl(5, fcntl.F_GET_SEALS) == 15)
for change in (lambda: os.pwrite(5, b"x", 0), lambda: os.ftruncate(5, 0)):
    try:
        change()
    except PermissionError:
        print("sealed")
"""))
    assert (status, out) == (0, "True\nsealed\nsealed\n")


def test_exec_leaves_no_descriptor_but_the_one(broker, ctl):
    _, out, _ = end(ctl(broker(), "exec", "--fd", "7", "--restart-on-renewal", "--", "ls",
                        "/proc/self/fd"))
    assert set(out.split()) - {"0", "1", "2"} - {"3"} == {"7"}     # 3 is ls's own


@pytest.mark.parametrize("restart", [[], ["--restart-on-renewal"]])
def test_exec_has_the_token_in_no_argv(broker, endpoint, ctl, restart):
    bearerd = broker()
    process = ctl(bearerd, "exec", *restart, "--", "sh", "-c", "echo ready; read x",
                  stdin=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    assert endpoint.tokens[0].encode() not in file.read()
    process.stdin.close()


REPORT = 'trap "exit 0" TERM; echo "$BEARER_TOKEN"; while :; do sleep 0.05; done'


def test_exec_starts_anew_with_each_token(broker, endpoint, ctl):
    endpoint.behave(expires_in=SHORT)
    process = ctl(broker(**FAST), "exec", "--restart-on-renewal", "--", "sh", "-c", REPORT)
    seen = [process.stdout.readline().strip() for _ in range(3)]
    assert len(set(seen)) == 3 and set(seen) <= set(endpoint.tokens)
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 0


def test_exec_by_descriptor_starts_anew_with_each_token(broker, endpoint, ctl):
    endpoint.behave(expires_in=SHORT)
    process = ctl(broker(**FAST), "exec", "--restart-on-renewal", "--fd", "4", "--", "sh", "-c",
                  "cat <&4; echo; exec sleep 60")
    assert process.stdout.readline() != process.stdout.readline()


def test_exec_kills_what_does_not_end(broker, endpoint, ctl):
    endpoint.behave(expires_in=SHORT)
    process = ctl(broker(**FAST), "exec", "--restart-on-renewal", "--", "sh", "-c",
                  "trap '' TERM; echo $$; while :; do sleep 0.05; done")
    first, began = process.stdout.readline(), time.monotonic()
    assert process.stdout.readline() != first
    assert 10 < time.monotonic() - began < 60
    assert not os.path.exists(f"/proc/{first.strip()}")


@pytest.mark.parametrize("before", [without_pidfds, lambda: ["env", "--ignore-signal=CHLD"]],
                         ids=["no pidfd", "SIGCHLD ignored"])
def test_exec_starts_anew_whatever_it_is_run_under(broker, endpoint, ctl, before):
    endpoint.behave(expires_in=SHORT)
    process = ctl(broker(**FAST), "exec", "--restart-on-renewal", "--", "sh", "-c", REPORT,
                  before=before())
    assert process.stdout.readline() != process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 0


@pytest.mark.parametrize("command, status", [
    ("exit 7", 7), ("kill -KILL $$", 137), ("kill -SEGV $$", 139)])
def test_exec_ends_with_its_command(broker, ctl, command, status):
    process = ctl(broker(), "exec", "--restart-on-renewal", "--", "sh", "-c", command)
    assert end(process)[0] == status


def test_exec_of_what_cannot_be_run_is_not_tried_again(broker, ctl):
    bearerd = broker()
    for command, status in (("/nonexistent", 127), ("/etc/passwd", 126)):
        found, _, err = end(ctl(bearerd, "exec", "--restart-on-renewal", "--", command))
        assert (found, err.count("\n")) == (status, 1)
        assert re.fullmatch(rf"bearerctl: exec: {command}: [^;]*; .*\n", err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_exec_passes_signals_on(broker, ctl, number):
    process = ctl(broker(), "exec", "--restart-on-renewal", "--", "sh", "-c",
                  "trap 'echo came; exit 3' TERM INT HUP QUIT; echo ready; "
                  "while :; do sleep 0.05; done")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert end(process)[:2] == (3, "came\n")


def test_exec_that_is_killed_takes_its_command_along(broker, ctl):
    process = ctl(broker(), "exec", "--restart-on-renewal", "--", "sh", "-c",
                  "echo $$; exec sleep 600")
    pid = process.stdout.readline().strip()
    process.kill()
    until(lambda: not os.path.exists(f"/proc/{pid}") or " Z " in read(f"/proc/{pid}/stat"))


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return " Z "


def test_exec_goes_on_while_bearerd_is_away(broker, endpoint, ctl):
    endpoint.behave(expires_in=SHORT)
    bearerd = broker(**FAST)
    process = ctl(bearerd, "exec", "--restart-on-renewal", "--", "sh", "-c", REPORT)
    first = process.stdout.readline()
    bearerd.stop()
    time.sleep(1)
    assert process.poll() is None
    bearerd.start()
    assert process.stdout.readline() != first


# write

@pytest.fixture(name="file")
def a_file(tmp_path):
    directory = tmp_path / "written"
    directory.mkdir()
    return directory / "token"


def test_write_once(broker, endpoint, ctl, file):
    assert end(ctl(broker(), "write", "--once", str(file), "athena")) == (0, "", "")
    assert file.read_text() == endpoint.tokens[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["token"]


@pytest.mark.parametrize("mode, umask", [("640", 0), ("0644", 0o077), ("400", 0)])
def test_write_with_a_mode(broker, ctl, file, mode, umask):
    end(ctl(broker(), "write", "--once", "--mode", mode, str(file), umask=umask))
    assert stat.S_IMODE(file.stat().st_mode) == int(mode, 8)


def test_write_replaces_what_is_there(broker, endpoint, ctl, file):
    for each in (file, file.parent / ".token.bearerctl"):
        each.write_text("of one that was killed")
    assert end(ctl(broker(), "write", "--once", str(file)))[0] == 0
    assert file.read_text() == endpoint.tokens[0]
    assert os.listdir(file.parent) == ["token"]


@pytest.mark.parametrize("once", [[], ["--once"]])
@pytest.mark.parametrize("what, make", [
    ("directory", pathlib.Path.mkdir),
    pytest.param("device", lambda path: os.mknod(path, stat.S_IFCHR, os.makedev(1, 3)),
                 marks=needs_root),
    ("pipe", os.mkfifo),
    ("socket", lambda path: os.mknod(path, stat.S_IFSOCK)),
    ("symbolic link", lambda path: path.symlink_to("target")),
    ("symbolic link", lambda path: path.symlink_to("nowhere"))])
def test_write_leaves_what_is_no_regular_file(broker, ctl, file, what, make, once):
    (file.parent / "target").write_text("precious")
    make(file)
    before = file.lstat()
    assert end(ctl(broker(), "write", *once, str(file))) == \
        (73, "", f"bearerctl: write: {file}: it is a {what}; name a regular file, or one that is not "
                 "there yet; for standard output there is 'get'\n")
    assert os.path.samestat(file.lstat(), before)
    assert (file.parent / "target").read_text() == "precious"
    assert sorted(os.listdir(file.parent)) == ["target", "token"]


def test_write_leaves_what_came_into_its_place(broker, ctl, file):
    bearerd = broker(**FAST)
    process = ctl(bearerd, "write", str(file))
    until(file.exists)
    file.unlink()
    os.mkfifo(file)
    renew(bearerd)
    status, _, err = end(process)
    assert status == 73 and "it is a pipe" in err
    assert file.is_fifo() and os.listdir(file.parent) == ["token"]


def test_write_in_the_working_directory(broker, endpoint, ctl, file):
    assert end(ctl(broker(), "write", "--once", file.name, cwd=file.parent))[0] == 0
    assert file.read_text() == endpoint.tokens[0]


def test_write_keeps_it_fresh_and_whole(broker, endpoint, ctl, file):
    """Whoever reads it has a whole token, always, and a good one."""
    endpoint.behave(expires_in=SHORT)
    bearerd = broker(**FAST)
    process = ctl(bearerd, "write", str(file))
    until(file.exists)
    seen, deadline = set(), time.monotonic() + 3 * SHORT
    while time.monotonic() < deadline:
        text = file.read_text()
        assert text in endpoint.tokens
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        seen.add(text)
    assert len(seen) >= 3
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(process) == (0, "", "")
    assert os.listdir(file.parent) == []


def test_write_is_told_of_each_token(broker, endpoint, ctl, file):
    """By bearerd, when it comes: who looks each 5 s needs half a minute for these."""
    bearerd = broker(**FAST)
    ctl(bearerd, "write", str(file))
    until(file.exists)
    began = time.monotonic()
    for _ in range(6):
        renew(bearerd)
        until(lambda: file.read_text() == endpoint.tokens[-1])
    assert time.monotonic() - began < TIMEOUT


def test_write_keeps_a_token_that_is_granted_again(broker, endpoint, ctl, file):
    endpoint.behave("same-token", expires_in=SHORT)
    process = ctl(broker(**FAST), "write", str(file))
    until(file.exists)
    deadline = time.monotonic() + 2 * SHORT + 3
    while time.monotonic() < deadline:
        assert file.read_text() == endpoint.tokens[0]
        time.sleep(0.01)
    assert len(endpoint.token_requests) >= 3
    process.terminate()
    assert end(process) == (0, "", "")


def test_write_says_that_the_token_is_taken_away_and_goes_on(broker, endpoint, ctl, file):
    bearerd = broker(tokens={"athena": {}, "other": {}}, **FAST)
    process = ctl(bearerd, "write", str(file), "athena")
    until(file.exists)
    taken = bearerd.config.pop("token athena")
    bearerd.write_config()
    bearerd.reload()
    assert "no such token" in process.stderr.readline()
    bearerd.config["token athena"] = taken
    bearerd.write_config()
    before = file.read_text()
    bearerd.reload()
    until(lambda: file.read_text() != before)
    assert file.read_text() in endpoint.tokens
    process.terminate()
    assert end(process) == (0, "", "")


def test_write_leaves_what_somebody_else_put_there(broker, ctl, file):
    process = ctl(broker(), "write", str(file))
    until(file.exists)
    file.unlink()
    file.write_text("another's")
    process.terminate()
    assert end(process)[0] == 0
    assert file.read_text() == "another's"


def test_write_removes_a_token_that_has_expired(broker, endpoint, ctl, file):
    endpoint.next(expires_in=SHORT)
    endpoint.next("500", count=1000)
    bearerd = broker(**FAST)
    process = ctl(bearerd, "write", str(file))
    until(file.exists)
    until(lambda: not file.exists())
    endpoint.normal()
    until(file.exists)
    assert file.read_text() == endpoint.tokens[-1]
    process.terminate()
    status, _, err = end(process)
    assert status == 0 and "has expired" in err


def killed_writer(bearerd, ctl, file):
    """Has left its file."""
    process = ctl(bearerd, "write", str(file))
    until(file.exists)
    process.kill()
    process.wait()


def test_write_leaves_no_file_of_one_that_was_killed_while_there_is_no_token(broker, endpoint, ctl,
                                                                             file):
    bearerd = broker(**FAST)
    killed_writer(bearerd, ctl, file)
    bearerd.stop()
    process = ctl(bearerd, "write", str(file))
    assert re.fullmatch(rf"bearerctl: write: {file}: [^;]* is removed until [^;]*; .*\n",
                        process.stderr.readline())
    assert not file.exists()
    assert "No such file" in process.stderr.readline()
    endpoint.next(500)
    bearerd.start()
    until(file.exists)
    assert file.read_text() == endpoint.tokens[-1]


def test_write_leaves_no_half_done_file_of_one_that_was_killed_while_there_is_no_token(broker, ctl,
                                                                                       file):
    fresh = file.with_name(f".{file.name}.bearerctl")
    for each in (file, fresh):
        each.write_text("a token")
    process = ctl(broker(start=False), "write", str(file))
    assert "is removed until" in process.stderr.readline()
    assert "No such file" in process.stderr.readline()
    assert not file.exists() and not fresh.exists()


def test_write_keeps_the_file_of_one_that_was_killed_while_there_is_a_token(broker, ctl, file):
    bearerd = broker(**FAST)
    killed_writer(bearerd, ctl, file)
    before = file.stat().st_ino
    process = ctl(bearerd, "write", str(file))
    until(lambda: file.stat().st_ino != before)
    process.terminate()
    assert end(process) == (0, "", "")


def test_write_removes_nothing_for_a_token_that_is_not_there(broker, ctl, file):
    file.write_text("precious")
    assert end(ctl(broker(), "write", str(file), "nope"))[0] == 66
    assert file.read_text() == "precious"


@pytest.mark.parametrize("handler, goes_on", [(signal.SIG_IGN, True), (signal.SIG_DFL, False)])
def test_write_under_nohup_goes_on_after_a_hangup(broker, ctl, file, handler, goes_on):
    process = ctl(broker(), "write", str(file),
                  preexec_fn=lambda: signal.signal(signal.SIGHUP, handler))
    until(file.exists)
    process.send_signal(signal.SIGHUP)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1 if goes_on else TIMEOUT)
    assert (process.poll() is None) is goes_on
    assert file.exists() is goes_on


def test_write_waits_for_bearerd(broker, ctl, file):
    bearerd = broker(start=False)
    process = ctl(bearerd, "write", str(file))
    assert "No such file" in process.stderr.readline()
    bearerd.start()
    until(file.exists)


def test_write_that_cannot(broker, ctl, file):
    bearerd = broker()
    for path in ("/nonexistent/token", str(file.parent), f"{file.parent}/", "/proc/token"):
        for once in ([], ["--once"]):
            status, out, err = end(ctl(bearerd, "write", *once, path))
            assert (status, out, err.count("\n")) == (73, "", 1), err
            assert path in err


@needs_root
def test_write_without_permission(broker, programs, file):
    bearerd = broker(broker={"socket_mode": "0666"})
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        shutil.copy(each, bearerd.directory)
    done = account.run(bearerd, ["./bearerctl", "write", "--once", "token"])
    assert (done.returncode, done.stdout) == (73, ""), done.stderr


# Misuse.

@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_help(broker, ctl, command):
    status, out, err = end(ctl(broker(start=False), command, "--help"))
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: bearerctl {command} ")
    assert all(len(line) <= 100 for line in out.splitlines())


def test_overview_names_each_command(broker, ctl):
    _, out, _ = end(ctl(broker(start=False), "--help"))
    lists = re.findall(r"^Commands for \w+:\n(.*?)\n\n", out, re.M | re.DOTALL)
    assert sorted(re.findall(r"^  (\w+)", "\n".join(lists), re.M)) == COMMANDS


@pytest.mark.parametrize("one, other", [
    (["help"], ["--help"]), (["-h"], ["--help"]), (["help", "help"], ["help", "--help"]),
    (["help", "get"], ["get", "--help"]), (["get", "-h"], ["get", "--help"])])
def test_help_as_users_ask_for_it(broker, ctl, one, other):
    bearerd = broker(start=False)
    said = end(ctl(bearerd, *one))
    assert said == end(ctl(bearerd, *other)) and said[0] == 0 and said[2] == ""


@pytest.mark.parametrize("arguments, what, where", [
    (["get", "--nonsense"], "option --nonsense is not known", "get --help"),
    (["get", "-nj"], "option -n is not known", "get --help"),
    (["get", "--json", "-nj"], "option -n is not known", "get --help"),
    (["get", "--json=1"], "option --json=1: it takes no value", "get --help"),
    (["get", "--wait"], "option --wait needs a value", "get --help"),
    (["get", "--wait", "61"], "--wait 61: whole seconds from 0 to 60 are needed", "get --help"),
    (["get", "--socket", "x"], "option --socket goes before the command get", "--help"),
    (["get", "--control=x"], "option --control=x goes before the command get", "--help"),
    (["status", "--version"], "option --version goes before the command status", "--help"),
    (["--json", "status"], "option --json goes behind a command", "--help"),
    (["--nonsense", "status"], "option --nonsense is not known", "--help"),
    (["nonsense"], "there is no command 'nonsense'", "--help"),
    (["help", "nonsense"], "there is no command 'nonsense'", "--help"),
    ([], "a command is missing", "--help"),
    (["status", "x"], "'x' is one argument too many", "status --help"),
    (["exec", "curl", "x"], "'x' is one argument too many; a command goes behind \"--\"",
     "exec --help"),
    (["exec", "curl", "-f"], "option -f is not known here; a command goes behind \"--\"",
     "exec --help"),
    (["keygen", "athena", "--output", "x"], "--output x: an absolute path is needed",
     "keygen --help")])
def test_misuse_says_what_it_is_and_where_to_read_on(broker, ctl, arguments, what, where):
    assert end(ctl(broker(start=False), *arguments)) == \
        (64, "", f"bearerctl: {what}; see 'bearerctl {where}'\n")


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["--nonsense", "get"], ["get", "--nonsense"], ["get", "a", "b"],
    ["get", "--wait"], ["get", "--wait", "-1"], ["get", "--wait", "61"], ["get", "--wait", "x"],
    ["wait", "--timeout", "1.5"], ["wait", "--wait", "5"], ["wait", "a", "b"],
    ["exec"], ["exec", "--"], ["exec", "echo"], ["exec", "--fd", "2", "--", "echo"],
    ["exec", "--fd", "1024", "--", "echo"], ["exec", "--fd", "x", "--", "echo"],
    ["exec", "--env", "A=B", "--", "echo"],
    ["write"], ["write", ""], ["write", "--mode", "888", "f"], ["write", "--mode", "", "f"],
    ["write", "--mode", "01777", "f"], ["write", "--mode", "7777", "f"], ["write", "f", "a", "b"],
    ["status", "athena"], ["status", "--once=1"], ["metrics", "x"], ["refresh", "a", "b"],
    ["doctor", "a", "b"], ["--socket", "unix:nothing", "get"],
    ["--socket", "/" + "x" * 108, "get"]])
def test_misuse_is_told_in_one_line(broker, ctl, arguments):
    status, out, err = end(ctl(broker(start=False), *arguments))
    assert (status, out) == (64, ""), err
    assert err.startswith("bearerctl: ") and err.count("\n") == 1


@pytest.mark.parametrize("command", [
    ["get"], ["header"], ["renew"], ["wait", "--timeout", "0"], ["exec", "--", "echo"],
    ["exec", "--restart-on-renewal", "--", "echo"], ["write", "--once", "/tmp/never"], ["status"],
    ["refresh"], ["metrics"]])
def test_without_bearerd_it_is_told_in_one_line(broker, ctl, command):
    status, out, err = end(ctl(broker(start=False), *command))
    assert (status, out) == (69, ""), err
    assert err.count("\n") == 1 and "start it" in err


@pytest.mark.parametrize("command", [["get"], ["status", "--once"], ["status", "--json"], ["--help"],
                                     ["doctor", "--help"]])
def test_stdout_that_is_full(broker, ctl, command, programs):
    bearerd = broker()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([programs.bearerctl, "--socket", bearerd.socket, *command],
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=TIMEOUT)
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1 and "No space" in done.stderr


@pytest.mark.parametrize("command", [
    ["get"], ["get", "--json"], ["header"], ["status"], ["metrics"], ["refresh"], ["watch"], ["help"],
    ["doctor"], ["doctor", "--json"]])
def test_stdout_that_is_closed(broker, programs, command):
    """No socket is in its place, which would be sent what is meant for the user."""
    bearerd = broker(start=False, **FAST)
    operators.start(bearerd)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", programs.bearerctl, "--socket", bearerd.socket,
         "--control", bearerd.directory / "control.sock", *command],
        stderr=subprocess.PIPE, text=True, check=False, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == \
        (74, "bearerctl: stdout: Bad file descriptor; what was written is not whole\n")


@pytest.mark.parametrize("closed", ["0", "1", "2"])
def test_a_descriptor_that_is_closed_is_no_place_for_another(broker, endpoint, ctl, file, closed):
    bearerd = broker()
    process = ctl(bearerd, "write", "--once", str(file), preexec_fn=lambda: os.close(int(closed)))
    assert end(process) == (0, "", "")
    assert file.read_text() == endpoint.tokens[0]
    process = ctl(bearerd, "exec", "--fd", "9", "--", "readlink", f"/proc/self/fd/{closed}",
                  preexec_fn=lambda: os.close(int(closed)))
    assert end(process)[1] == ("" if closed == "1" else "/dev/null\n")
