# SPDX-License-Identifier: MIT
"""audit: who is put on record in the foreground's log. Units, and what journalctl finds, are in
tests/systemd."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys

import account
import pytest
import slowfetch
from account import NOBODY, needs_root
from activation import activate
from pace import FAST, until
from rawpeer import RawPeer, request

SO_PEERPIDFD = 77
GET = request("/v1/token")
REFUSED_MAX = 10            # AUDIT_REFUSED_MAX
GIVEN_MAX = 300             # AUDIT_GIVEN_MAX
FEW_DESCRIPTORS = ["prlimit", "--nofile=128:128"]
ONE_USERS = 48              # connections, with so few: three quarters of 64

# Connects with the name that it is told, and prints status and what it was told.
NAMED = """
import ctypes, socket, sys
PR_SET_NAME = 15
assert ctypes.CDLL(None).prctl(PR_SET_NAME, bytes.fromhex(sys.argv[2]), 0, 0, 0) == 0
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.sendall(b"GET /v1/token HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
assert b" 200 OK" in one.recv(65536)
"""

# Its connection is asked on once it has ended.
SHORT = """
import os, socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
if os.fork() == 0:
    os.read(0, 1)
    one.sendall(b"GET /v1/token HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    assert b" 200 OK" in one.recv(65536)
    os._exit(0)
print(os.getpid(), flush=True)
"""


def given(bearerd):
    return re.findall(r"token \S+: generation \d+ is given to .*", bearerd.log())


def refused(bearerd):
    return re.findall(r".*refused to .*", bearerd.log())


def left_out(bearerd):
    return re.findall(r"\d+ more record\(s\) of what was .*", bearerd.log())


def comm():
    with open("/proc/self/comm", encoding="ascii") as name:
        return name.read().strip()


def tells_process():
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
        except OSError as error:
            return error.errno != errno.ENOPROTOOPT
    return True


def me():
    return f"(pid {os.getpid()} when it connected, calls itself \"{comm()}\")"


def generation(bearerd, name="athena"):
    return bearerd.get(f"/v1/tokens/{name}").body["generation"]


def test_generation_is_on_record_once_for_all_connections_of_a_peer(broker):
    bearerd = broker(**FAST)
    first = generation(bearerd)
    with bearerd.connect() as kept:
        for _ in range(20):
            assert kept.get("/v1/token").status == bearerd.get("/v1/token/header").status == 200
        assert len(given(bearerd)) == 1
        assert re.fullmatch(rf"token athena: generation {first} is given to uid {os.geteuid()}"
                            rf"(, unit \S+)? {re.escape(me())}", given(bearerd)[0])
        second = until(lambda: bearerd.get(f"/v1/token?after={first}").body.get("generation"))
        for _ in range(20):
            assert kept.get("/v1/token").body["generation"] == second
    assert [f"generation {n} " in line for n, line in zip((first, second), given(bearerd),
                                                         strict=True)] == [True, True]


def test_new_generation_is_on_record_for_who_stays_connected(broker):
    bearerd = broker(**FAST)
    with bearerd.connect() as kept:
        first = kept.get("/v1/token").body["generation"]
        bearerd.reload()        # renews it
        until(lambda: bearerd.shown()["generation"] > first)
        second = kept.get("/v1/token").body["generation"]
    assert [int(re.search(r"generation (\d+)", line)[1]) for line in given(bearerd)] == \
        [first, second]


def test_tokens_are_told_apart(broker):
    bearerd = broker(tokens={"athena": {}, "other": {}})
    with bearerd.connect() as kept:
        for _ in range(3):
            for name in ("athena", "other"):
                assert kept.get(f"/v1/tokens/{name}").status == 200
    assert [line.split(":")[0] for line in given(bearerd)] == ["token athena", "token other"]


def test_token_that_is_waited_for_is_on_record(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint)
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET)
        slowfetch.wait_for_waiting(bearerd, 1)
        assert not given(bearerd)
        slowfetch.end(bearerd)
        assert peer.answer().status == 200
    assert len(given(bearerd)) == 1


@needs_root
def test_another_user_is_another_peer(broker):
    bearerd = broker(broker={"socket_mode": "0666"})
    assert generation(bearerd)
    for _ in range(2):
        assert account.get(bearerd, "/v1/token")[0] == 200
    assert len(given(bearerd)) == 2
    assert f"uid {NOBODY.pw_uid}" in given(bearerd)[1] and '"curl"' in given(bearerd)[1]


@needs_root
def test_process_that_becomes_another_user_is_another_peer(broker):
    bearerd = broker(broker={"socket_mode": "0666"})
    assert generation(bearerd)
    for _ in range(2):
        with account.as_nobody(bearerd) as path:
            peer = RawPeer(path)
        peer.send(GET)
        assert peer.answer().status == 200
        peer.close()
    assert [re.search(r"uid (\d+)", line)[1] for line in given(bearerd)] == ["0", str(NOBODY.pw_uid)]


@needs_root
def test_unit_that_is_started_is_on_record_and_its_refusal_is_told_anyway(broker):
    bearerd = broker(start=False, allow_units="worker.service", broker={"audit": "first"})
    path = bearerd.directory / "credential.sock"
    activate(bearerd, (path, "credential", "SOCK_STREAM"), (bearerd.socket, "token", "SOCK_STREAM"))
    bearerd.start()

    def ask(unit):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"\0{os.urandom(8).hex()}/unit/{unit}/athena")
            one.connect(str(path))
            while one.recv(65536):
                pass

    for _ in range(2):
        ask("worker.service")
        ask("other.service")
    assert len(given(bearerd)) == 1
    assert given(bearerd)[0].endswith(" is given to unit worker.service")
    until(lambda: bearerd.log().count("unit other.service gets no credential") == 2)
    assert not refused(bearerd)


# What a process calls itself.

@pytest.mark.parametrize("name, shown", [
    (b"worker", "worker"),
    (b"fifteen letters", "fifteen letters"),
    (b"a\nb\x1b[2J\x7f\t", "a?b?[2J??"),
    (b"\xc2\x9b\xff\"\\\"", "??????"),
    (b"\" (pid 1", "? (pid 1"),
    (b"%s%n%d", "%s%n%d"),
    (b"\n\n", "??"),
])
def test_name_of_a_process_is_its_own_claim_and_harmless(broker, name, shown):
    bearerd = broker()
    subprocess.run([sys.executable, "-c", NAMED, bearerd.socket, name.hex()], check=True)
    assert len(given(bearerd)) == 1
    assert given(bearerd)[0].endswith(f'calls itself "{shown}")')


def test_process_without_a_name_is_on_record_without_one(broker):
    bearerd = broker()
    subprocess.run([sys.executable, "-c", NAMED, bearerd.socket, ""], check=True)
    assert given(bearerd)[0].endswith(" when it connected)")


@pytest.mark.parametrize("is_gone", [True, False])
def test_process_that_has_ended_is_on_record_without_a_name(broker, is_gone):
    """Gone, its number may be another's; before, as a zombie, it still has a name in /proc."""
    if not tells_process():
        pytest.skip("SO_PEERPIDFD needs Linux 6.5")
    bearerd = broker()
    with subprocess.Popen([sys.executable, "-c", SHORT, bearerd.socket], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as short:
        pid = int(short.stdout.readline())
        os.waitid(os.P_PID, pid, os.WEXITED | (0 if is_gone else os.WNOWAIT))
        short.stdin.write(b"x")
        short.stdin.flush()
        line = bearerd.wait_for_log(r"token athena: generation \d+ is given to (.*)")
    assert line[1] == f"uid {os.geteuid()} (pid {pid} when it connected)"


# Refusals.

@needs_root
def test_refusals_are_on_record_and_what_is_more_is_counted(broker):
    bearerd = broker(tokens={"athena": {"allow_users": "root"}, "other": {}},
                     broker={"socket_mode": "0666"})
    with account.as_nobody(bearerd) as path:
        peer = RawPeer(path)
    for _ in range(REFUSED_MAX):
        peer.send(request("/v1/tokens/athena"))
        assert peer.answer().status == 403
    assert len(refused(bearerd)) == REFUSED_MAX
    assert re.match(rf"<4>bearerd: token athena: refused to uid {NOBODY.pw_uid}.*: access_denied by "
                    "allow_users$",
                    refused(bearerd)[0])
    for _ in range(5):
        peer.send(request("/v1/tokens/none-such"))
        assert peer.answer().status == 403
    peer.send(request("/v1/tokens/other"))
    assert peer.answer().status == 200
    assert len(given(bearerd)) == 1             # not hidden behind refusals
    assert len(refused(bearerd)) == REFUSED_MAX and not left_out(bearerd)
    peer.close()
    assert bearerd.stop() == 0                  # owed at the end is told at the end
    assert len(left_out(bearerd)) == 1
    assert re.match(rf"5 more record\(s\) of what was refused to uid {NOBODY.pw_uid}\b",
                    left_out(bearerd)[0])


@pytest.mark.parametrize("policy, reason", [
    ({"allow_users": "nobody"}, "allow_users"),
    ({"allow_groups": "nogroup"}, "allow_groups"),
    ({"allow_units": "no-such-worker.service"}, "allow_units"),
])
@needs_root
def test_operator_is_told_which_list_it_was_and_the_peer_is_not(broker, policy, reason):
    bearerd = broker(tokens={"athena": policy, "other": {}})
    answered = bearerd.get("/v1/tokens/athena")
    assert answered.status == 403
    assert "allow" not in str(answered.body)
    assert re.search(rf": access_denied by {reason}(: its unit cannot be told, or it is in none)?$",
                     refused(bearerd)[0])
    assert bearerd.get("/v1/tokens/none-such").body == answered.body
    assert refused(bearerd)[1].endswith(": access_denied")


def test_process_that_has_ended_is_refused_where_units_count_and_it_is_said_why(broker):
    bearerd = broker(allow_units="*")
    with subprocess.Popen([sys.executable, "-c", SHORT.replace("200 OK", "403 Forbidden"),
                           bearerd.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as short:
        os.waitid(os.P_PID, int(short.stdout.readline()), os.WEXITED | os.WNOWAIT)
        short.stdin.write(b"x")
        short.stdin.flush()
        line = bearerd.wait_for_log(r"token athena: refused to uid .*: (access_denied.*)")
    assert line[1] == ("access_denied by allow_units: its unit cannot be told, or it is in none")


def test_token_that_is_not_there_is_on_record_by_the_name_that_was_asked_for(broker):
    bearerd = broker()
    assert bearerd.get("/v1/tokens/athnea").status == 404
    assert len(refused(bearerd)) == 1
    assert "token athnea: refused to uid" in refused(bearerd)[0]
    assert refused(bearerd)[0].endswith(f"{me()}: unknown_token")


def test_who_finds_no_place_to_wait_is_on_record(broker, endpoint):
    bearerd = slowfetch.start(broker, endpoint, broker={"user_waiting": 1})
    with RawPeer(bearerd.socket) as peer:
        peer.send(GET)
        slowfetch.wait_for_waiting(bearerd, 1)
        assert bearerd.get("/v1/token").status == 429
        slowfetch.end(bearerd)
        assert peer.answer().status == 200
    assert [line.rsplit(": ", 1)[1] for line in refused(bearerd)] == ["too_many_requests"]


def test_who_is_turned_away_is_on_record(broker):
    bearerd = broker(start=False)
    bearerd.wrapper = FEW_DESCRIPTORS
    bearerd.start()
    peers = [RawPeer(bearerd.socket) for _ in range(ONE_USERS)]
    for peer in peers:
        peer.send(b"GET")
    with RawPeer(bearerd.socket) as other:
        assert other.answer().status == 429
    assert [line.rsplit(": ", 1)[1] for line in refused(bearerd)] == ["too_many_requests"]
    for peer in peers:
        peer.close()


def test_refusals_that_are_the_endpoints_are_nobodys(broker, endpoint):
    endpoint.behave(status=401)
    bearerd = broker(**FAST)
    assert bearerd.get("/v1/token?wait=0").status in (502, 504)
    until(lambda: bearerd.get("/v1/token").status == 502)
    endpoint.normal()
    bearerd.reload()
    until(lambda: bearerd.get("/v1/token").status == 200)
    there = generation(bearerd)
    newer = bearerd.get(f"/v1/token?after={there}").body
    assert newer.get("error", "slow_down") == "slow_down"
    assert bearerd.get("/nothing").status == 404
    assert not refused(bearerd)


# The setting.

def test_all_has_each_token_that_is_given_up_to_the_limit(broker):
    bearerd = broker(broker={"audit": "all"})
    with bearerd.connect() as kept:
        for _ in range(GIVEN_MAX):
            assert kept.get("/v1/token").status == 200
        assert len(given(bearerd)) == GIVEN_MAX
        for _ in range(3):
            assert kept.get("/v1/token").status == 200
    assert len(given(bearerd)) == GIVEN_MAX
    assert bearerd.stop() == 0
    assert len(left_out(bearerd)) == 1
    assert left_out(bearerd)[0].startswith("3 more record(s) of what was given to uid ")


def test_none_has_nothing(broker):
    bearerd = broker(broker={"audit": "none"})
    assert bearerd.get("/v1/token").status == 200
    for _ in range(2 * REFUSED_MAX):
        assert bearerd.get("/v1/tokens/none-such").status == 404
    assert bearerd.stop() == 0
    assert given(bearerd) == refused(bearerd) == left_out(bearerd) == []


def test_reload_changes_it(broker):
    bearerd = broker(broker={"audit": "none"}, **FAST)
    for audit, records in (("all", 2), ("first", 1), ("none", 0)):
        bearerd.config["broker"]["audit"] = audit
        bearerd.write_config()
        before = bearerd.shown()["renewals"]
        bearerd.reload()
        until(lambda: bearerd.shown()["renewals"] > before)     # a reload renews, too
        n = len(given(bearerd))
        for _ in range(2):
            assert bearerd.get("/v1/token").status == 200
        assert len(given(bearerd)) - n == records


def test_what_was_left_out_is_told_before_there_are_no_records_any_more(broker):
    bearerd = broker()
    for _ in range(REFUSED_MAX + 4):
        assert bearerd.get("/v1/tokens/none-such").status == 404
    assert not left_out(bearerd)
    bearerd.config["broker"]["audit"] = "none"
    bearerd.write_config()
    bearerd.reload()
    assert left_out(bearerd)[0].startswith("4 more record(s) of what was refused to ")


def test_restart_has_each_peer_on_record_once_more(broker):
    bearerd = broker()
    assert generation(bearerd)
    bearerd.signal(signal.SIGTERM)
    assert bearerd.wait() == 0
    bearerd.start()
    assert generation(bearerd)
    assert len(given(bearerd)) == 2
