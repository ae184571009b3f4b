# SPDX-License-Identifier: MIT
"""bearerctl watch: what it says and runs, and how it ends."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import time

import account
import pytest
from account import needs_root
from following import Follower, generation, renew
from pace import FAST, until
from syscalls import without_pidfds

LIFE = 3600


@pytest.fixture(name="watch")
def a_watch(programs):
    return lambda bearerd, *arguments: Follower(
        bearerd, [programs.bearerctl, "watch", *arguments])


def test_watch_writes_a_line_for_each_generation(broker, watch):
    bearerd = broker(**FAST)
    with watch(bearerd) as follower:
        last = generation(bearerd)
        for _ in range(3):
            found = re.fullmatch(r"athena: generation (\d+), valid for (.*)", follower.line())
            assert (int(found[1]), found[2]) in [(last, "1 h"), (last, "59 min 59 s"),
                                                 (last, "59 min 58 s")]
            last = renew(bearerd)
        assert follower.errors() == ""


def test_watch_writes_json(broker, watch):
    bearerd = broker(**FAST)
    with watch(bearerd, "--json", "athena") as follower:
        line = json.loads(follower.line())
        assert (line["name"], line["generation"]) == ("athena", generation(bearerd))
        assert LIFE - 10 < line["expires_in"] <= LIFE
        assert abs(line["expires_at"] - time.time() - line["expires_in"]) < 10


def test_watch_runs_a_command_and_gives_it_no_token(broker, endpoint, watch):
    bearerd = broker(**FAST)
    command = 'echo "$BEARERD_NAME $BEARERD_GENERATION $BEARERD_EXPIRES_AT"; env >>all; exit 3'
    with watch(bearerd, "--exec", f"cd {bearerd.directory}; {command}") as follower:
        for _ in range(3):
            name, number, expires_at = follower.line().split()
            assert (name, int(number)) == ("athena", generation(bearerd))
            assert abs(int(expires_at) - time.time() - LIFE) < 10
            renew(bearerd)
        until(lambda: follower.errors().count("exit status 3\n") == 4)
    seen = (bearerd.directory / "all").read_text()
    assert "BEARERD_GENERATION=" in seen
    assert not any(token in seen for token in endpoint.tokens)


def test_command_that_takes_long_is_run_for_the_newest_generation(broker, watch):
    bearerd = broker(**FAST)
    gate = bearerd.directory / "gate"
    command = f"echo $BEARERD_GENERATION; while ! test -e {gate}; do sleep 0.05; done"
    with watch(bearerd, "--exec", command) as follower:
        assert int(follower.line()) == generation(bearerd)
        for _ in range(3):
            newest = renew(bearerd)
        gate.touch()
        assert int(follower.line()) == newest


NO_HELP = [without_pidfds, lambda: ["env", "--ignore-signal=CHLD"]]


@pytest.mark.parametrize("before", NO_HELP, ids=["no pidfd", "SIGCHLD ignored"])
def test_watch_notices_the_end_of_its_command_whatever_it_is_run_under(broker, programs, before):
    bearerd = broker(**FAST)
    command = [*before(), programs.bearerctl, "watch", "--exec", "echo $BEARERD_GENERATION; exit 3"]
    with Follower(bearerd, command) as follower:
        for _ in range(2):
            assert int(follower.line()) == generation(bearerd)
            renew(bearerd)
        until(lambda: follower.errors().count("exit status 3\n") == 3)
        assert follower.errors().count("\n") == 3


SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]


@pytest.mark.parametrize("number", SIGNALS)
def test_watch_passes_signals_on_to_its_command_and_waits_for_it(broker, watch, number):
    bearerd = broker(**FAST)
    gate = bearerd.directory / "gate"
    command = (f"trap 'echo came; while ! test -e {gate}; do sleep 0.05; done; exit 3' "
               "TERM INT HUP QUIT; echo ready; while :; do sleep 0.05; done")
    with watch(bearerd, "--exec", command) as follower:
        assert follower.line() == "ready"
        follower.signal(number)
        assert follower.line() == "came"
        assert follower.poll() is None
        gate.touch()
        assert follower.wait() == -number
        assert follower.errors() == ""


@pytest.mark.parametrize("number", SIGNALS)
def test_watch_ends_by_a_signal_between_two_commands(broker, watch, number):
    bearerd = broker(**FAST)
    with watch(bearerd, "--exec", "echo done") as follower:
        assert follower.line() == "done"
        renew(bearerd)
        assert follower.line() == "done"
        follower.signal(number)
        assert follower.wait() == -number


def test_watch_passes_a_hangup_of_its_terminal_on(broker, programs):
    bearerd = broker(**FAST)
    ready, came = bearerd.directory / "ready", bearerd.directory / "came"
    command = f"trap 'touch {came}; exit' HUP; touch {ready}; while :; do sleep 0.05; done"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(programs.bearerctl, ["bearerctl", "--socket", str(bearerd.socket), "watch",
                                      "--exec", command])
    try:
        until(ready.exists)
        os.close(terminal)
        _, status = until(lambda: (found := os.waitpid(pid, os.WNOHANG))[0] and found)
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        raise
    assert came.exists() and os.waitstatus_to_exitcode(status) == -signal.SIGHUP


@needs_root
def test_watch_that_is_pid_1_ends_after_a_signal_to_its_command(broker, programs):
    command = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    with Follower(broker(**FAST), ["unshare", "--pid", "--fork", "--kill-child",
                                   programs.bearerctl, "watch", "--exec", command]) as follower:
        assert follower.line() == "ready"
        os.kill(follower.child(), signal.SIGTERM)
        assert follower.wait() == 128 + signal.SIGTERM
        assert follower.errors() == ""


def test_watch_that_is_killed_takes_its_command_along(broker, watch):
    with watch(broker(**FAST), "--exec", "echo $$; exec sleep 600") as follower:
        pid = int(follower.line())
        follower.signal(signal.SIGKILL)
        until(lambda: is_over(pid))


def is_over(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return " Z " in file.read()
    except FileNotFoundError:
        return True


def test_watch_survives_restarts_and_says_nothing_of_short_ones(broker, watch):
    bearerd = broker(**FAST)
    with watch(bearerd) as follower:
        assert str(generation(bearerd)) in follower.line()
        for end in (bearerd.stop, bearerd.kill):
            end()
            bearerd.start()
            assert str(generation(bearerd)) in follower.line()
        assert follower.errors() == ""
        bearerd.stop()
        until(lambda: str(bearerd.socket) in follower.errors())
        bearerd.start()
        assert str(generation(bearerd)) in follower.line()
        assert follower.errors().count("\n") == 1


def test_watch_says_that_a_token_is_gone(broker, endpoint, watch):
    endpoint.behave(500)
    endpoint.next(expires_in=3)
    bearerd = broker(**FAST)
    with watch(bearerd) as follower:
        follower.line()
        until(lambda: "has been given up" in follower.errors())
        endpoint.normal()
        assert str(generation(bearerd)) in follower.line()


def test_watch_ends_when_nobody_reads_it(broker, programs):
    bearerd = broker()
    done = subprocess.run(["sh", "-c", '"$1" watch | head -n 1', "sh", programs.bearerctl],
                          env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket)}, timeout=20,
                          capture_output=True, text=True, check=True)
    assert str(generation(bearerd)) in done.stdout and done.stderr == ""


@pytest.fixture(name="tokenless")
def a_bearerd_without_a_token(broker, endpoint):
    endpoint.behave(500)
    return broker()


def watch_into(stdout, bearerd, programs, *before):
    """Exit status and stderr."""
    done = subprocess.run([*before, programs.bearerctl, "--socket", bearerd.socket, "watch"],
                          stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_watch_that_nobody_reads_ends_in_silence_before_there_is_a_token(tokenless, programs):
    reader, writer = os.pipe()
    os.close(reader)
    one, other = socket.socketpair()
    other.close()
    with open(writer, "wb") as pipe, one:
        for stdout in (pipe, one):
            assert watch_into(stdout, tokenless, programs) == (74, "")


@pytest.mark.parametrize("redirection", [">&-", "1</dev/null"])
def test_watch_that_cannot_write_says_so_before_there_is_a_token(tokenless, programs, redirection):
    assert watch_into(None, tokenless, programs, "sh", "-c", f'exec "$@" {redirection}', "sh") == \
        (74, "bearerctl: stdout: Bad file descriptor; what was written is not whole\n")


def test_watch_says_which_mistake_it_is(broker, watch):
    bearerd = broker(start=False, tokens={"alpha": {}, "beta": {}})
    cases = ((69, []), (64, ["NO"]), (64, ["a", "b"]), (64, ["--exec"]), (64, ["--nope"]))
    for status, arguments in cases:
        with watch(bearerd, *arguments) as follower:
            assert follower.wait() == status, arguments
            assert follower.errors().count("\n") == 1
    bearerd.start()
    for status, arguments in ((66, ["nope"]), (64, [])):
        with watch(bearerd, *arguments) as follower:
            assert follower.wait() == status, arguments


def test_watch_ends_when_the_token_is_taken_away(broker, watch):
    bearerd = broker(tokens={"athena": {}, "other": {}}, **FAST)
    with watch(bearerd, "athena") as follower:
        follower.line()
        del bearerd.config["token athena"]
        bearerd.write_config()
        bearerd.reload()
        assert follower.wait() == 66
        assert "'bearerctl status' lists the tokens" in follower.errors()


@needs_root
def test_watch_without_permission(broker, programs):
    bearerd = broker(broker={"socket_mode": "0666"}, allow_users="root")
    for each in (programs.bearerctl, programs.libraries / "libbearer.so.0"):
        (bearerd.directory / each.name).write_bytes(each.read_bytes())
        (bearerd.directory / each.name).chmod(0o755)
    done = account.run(bearerd, ["./bearerctl", "watch"])
    assert (done.returncode, done.stdout) == (77, ""), done.stderr
