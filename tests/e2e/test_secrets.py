# SPDX-License-Identifier: MIT
"""The client secret and the tokens: looked for wherever they could come out, after and during all that
a bearerd can live through (life.py). What is in memory: test_secrets_memory.py. That what is there is
found: test_canary.py.
"""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import process
import pytest
from account import NOBODY, needs_root
from broker import Broker
from canary import Canary, assert_free_of, found_in_process
from life import QUICK, Life
from pace import TIMEOUT, until
from standin import Standin
from syscalls import instead_of

IS_ROOT = os.geteuid() == 0


class Lived:
    """A whole life, and what was found of secrets and tokens meanwhile."""

    def __init__(self, bearerd, endpoint, trace):
        self.bearerd = bearerd
        self.trace = trace
        self.stages = []
        self.in_processes = []
        self.in_memory = []
        self._clean = set()     # what was looked through already, by its hash
        self._life = Life(bearerd, endpoint)
        bearerd.wrapper = traced(trace)
        for stage in self._life.stages():
            self.stages.append(stage)
            self._look(stage)
        self.has_token = not IS_ROOT or found_in_process(self.canaries[-1], bearerd.pid) != []
        self.ended = self._life.abort()
        until(lambda: re.search(rf"^{bearerd.pid} +\+\+\+ killed by SIGABRT", trace.read_text(), re.M))
        self.said = {"log": bearerd.log(), "notifications": str(bearerd.notify),
                     "answers": self._life.answers}

    @property
    def canaries(self):
        return [*self._life.secrets, *self._life.tokens]

    def _look(self, stage):
        seen = seen_of_processes(self.bearerd)
        self.in_processes += [(stage, canary, forms) for canary in self.canaries
                              if (forms := canary.found_in(seen))]
        if IS_ROOT:
            self._look_into_memory(stage)

    def _look_into_memory(self, stage):
        for place, data in process.memory(self.bearerd.pid):
            if hash(data) in self._clean:
                continue
            self._clean.add(hash(data))
            self.in_memory += [(stage, place, canary, forms) for canary in self._life.secrets
                               if (forms := canary.found_in(data))]


def seen_of_processes(bearerd):
    """The command lines of all, and what else there is of the two programs. bearerd-fetch may just be
    reading a credential from where it was given it."""
    seen = [*process.read_of_all("cmdline").values()]
    for pid in [bearerd.pid, *bearerd.fetchers()]:
        try:
            seen.append(process.read(pid, "environ"))
            seen += [content for name, content in process.files(pid)
                     if name not in bearerd.credentials]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass    # a fetch that has ended, or that root alone can look at
    return b"\0".join(seen)


@pytest.fixture(name="lived", scope="module")
def a_whole_life(programs, tmp_path_factory):
    """One for all the tests that want to know how it was."""
    directory = tmp_path_factory.mktemp("life")
    temporary = directory / "tmp"
    temporary.mkdir()
    # The leak sanitizer traces its own process, and strace is there already.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    # Nobody else's command line has this one.
    credentials = {"0oa-life": f"{uuid.uuid4()}/with+some=special&characters"}
    with Standin(directory / "endpoint", credentials=credentials) as endpoint:
        bearerd = Broker(programs, directory / "broker", endpoint,
                         {"TMPDIR": str(temporary), "ASAN_OPTIONS": options})
        bearerd.add_token("athena", **QUICK)
        try:
            yield Lived(bearerd, endpoint, directory / "trace")
        finally:
            wrong = bearerd.finish()
            print(bearerd.log())
        assert wrong == [] and endpoint.unexpected == []


# In all that both programs say, and in all that others can see of them.

def test_nothing_of_them_is_said_in_a_whole_life(lived):
    assert len(lived.stages) > 50 and lived.ended == -signal.SIGABRT
    assert "RELOADING" in lived.said["notifications"]
    for each in (400, 401, 403, 408, 429, 500, 503, 302):
        assert f"HTTP {each}" in lived.said["log"]
    # Of some, another one was there before they were looked at.
    assert len(set(re.findall(r"'upstream_status': (\d+)", lived.said["answers"]))) > 4
    for each in ("certificate", "bearerd.conf:", "client_secret"):
        assert each in lived.said["log"]
    assert_free_of(lived.canaries, *lived.said.values())


def test_nothing_of_them_is_in_command_lines_environments_and_open_files(lived):
    assert lived.in_processes == []


@needs_root
def test_bearerd_never_has_the_secret(lived):
    assert lived.in_memory == []
    assert lived.has_token      # so this is where it would be


def test_a_fetch_has_nothing_of_them_where_others_could_see_it(broker, endpoint):
    """Also while it holds the secret, and is about to get the token."""
    endpoint.next("stall-body")
    bearerd = broker(**QUICK)
    endpoint.wait_for_requests(1, TIMEOUT)
    (fetcher,) = bearerd.wait_for_fetchers()
    canaries = [Canary(endpoint.client_secret), *map(Canary.of_token, endpoint.tokens)]
    environment, arguments = (process.read(fetcher, name) for name in ("environ", "cmdline"))
    assert b"PATH=" in environment and b"bearerd-fetch" in arguments
    assert_free_of(canaries, environment, arguments,
                   *[content for _, content in process.files(fetcher)])
    os.kill(fetcher, signal.SIGKILL)
    assert bearerd.get("/v1/token").status == 200


def test_errors_to_workers_have_nothing_of_them(broker, endpoint):
    endpoint.behave("echo-secret")
    bearerd = broker()
    answered = bearerd.get("/v1/token")
    assert answered.status == 502
    listed = bearerd.get("/v1/tokens")
    assert_free_of([Canary(endpoint.client_secret)], str(answered.body), str(listed.body))


def test_credentials_in_an_oauth_request_are_not_repeated(broker, endpoint):
    """Also not those that a worker sends though nobody asked for them."""
    secret = "secret-of-a-worker-that-is-long-enough"
    canaries = [Canary(secret)]
    bearerd = broker()
    with bearerd.connect() as connection:
        for form in (f"grant_type=client_credentials&client_secret={secret}",
                     f"grant_type={secret}", f"{secret}=1", "%"):
            answered = connection.ask(
                "POST", "/oauth2/v1/token?wait=1",
                {"Content-Type": "application/x-www-form-urlencoded",
                 "Authorization": "Basic " + base64.b64encode(f"id:{secret}".encode()).decode()},
                form)
            assert_free_of(canaries, str(answered.body))
    assert_free_of(canaries, bearerd.log(), str(bearerd.notify))


# In files.

CALLS = ["open", "openat", "openat2", "creat", "memfd_create", "mknod", "mknodat", "link", "linkat",
         "rename", "renameat", "renameat2", "symlink", "symlinkat", "mkdir", "mkdirat"]
READS = re.compile(r" open(at|at2)?\((?!.*\b(O_CREAT|O_TMPFILE|O_WRONLY|O_RDWR)\b)")


def traced(trace):
    """What starts a program so that its CALLS, and those of what it starts, are in TRACE."""
    calls = ",".join(f"?{call}" for call in CALLS)      # not every machine has each
    return ["strace", "--daemonize", "--follow-forks", "--seccomp-bpf", "-q", "-o", trace, "-e",
            f"trace={calls}"]


def made(trace):
    """The calls that make a file, or open it for writing."""
    calls = [line for line in trace.read_text().splitlines() if "(" in line]
    return [call for call in calls if not READS.search(call) and " = -1 " not in call]


@needs_root
def test_no_file_is_made_but_memory_without_a_name(lived):
    """Neither program makes or writes one: not in a temporary directory, not for a moment."""
    calls = made(lived.trace)
    # Each process opens that one, once: so all of them were watched.
    assert sum('"/dev/null", O_RDWR' in call for call in calls) > len(lived.stages) / 2
    others = [call for call in calls if '"/dev/null"' not in call]
    assert len(others) == 1 and 'memfd_create("bearerd-store"' in others[0], others


def test_nothing_of_them_is_in_the_directories_that_it_works_in(lived):
    """Those files aside where the test has put them."""
    files = [each for each in lived.bearerd.directory.rglob("*") if each.is_file()]
    assert lived.bearerd.log_file in files and lived.bearerd.config_file in files
    for each in files:
        if "client_" not in each.name:
            assert_free_of(lived.canaries, each.read_bytes())
    assert list((lived.trace.parent / "tmp").iterdir()) == []


def test_a_file_that_is_made_would_be_found(tmp_path):
    trace = tmp_path / "trace"
    script = "import os, tempfile; tempfile.TemporaryFile(); os.memfd_create('x'); " \
             "tempfile.NamedTemporaryFile()"
    subprocess.run([*traced(trace), "sh", "-c", f'{sys.executable} -c "{script}"; kill -9 $$'],
                   check=False, timeout=TIMEOUT, env=os.environ | {"TMPDIR": str(tmp_path)})
    until(lambda: "+++ killed by SIGKILL" in trace.read_text())
    found = "\n".join(made(trace))
    assert "O_TMPFILE" in found and "memfd_create" in found and "O_CREAT" in found


# In core files. wait(2) tells whether one was written, wherever core_pattern has it go (core(5)).

PR_SET_DUMPABLE = RLIMIT_CORE = 4
KEEPS_DUMPABLE = ("prctl", 0, PR_SET_DUMPABLE, 0)
KEEPS_LIMIT = ("prlimit64", 1, RLIMIT_CORE, 0)
SIGNALS = [signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT]
UNLIMITED = [shutil.which("prlimit"), "--core=unlimited"]


def has_dumped(pid):
    """Whether a child of ours has, that is about to end."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED), ended
    return ended.si_code == os.CLD_DUMPED


def cores(directory):
    return list(directory.glob("*core*"))


def is_written_here():
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii")
    return not pattern.startswith("|") and "/" not in pattern and "core" in pattern


@pytest.fixture(name="deadly")
def a_bearerd_whose_signals_are_its_own(broker):
    """No sanitizer takes them."""
    options = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0"
    one = broker(start=False, environment={"ASAN_OPTIONS": options})
    one.wrapper = UNLIMITED
    return one


def dumps(bearerd, number):
    bearerd.start()
    bearerd.wait_for_status("athena: valid until")
    bearerd.signal(number)
    dumped = has_dumped(bearerd.pid)
    assert bearerd.wait() == -number
    return dumped


@pytest.mark.parametrize("number", SIGNALS)
def test_bearerd_leaves_no_core_file(deadly, number):
    assert not dumps(deadly, number)
    assert cores(deadly.directory) == []


@pytest.mark.parametrize("kept", [KEEPS_DUMPABLE, KEEPS_LIMIT])
def test_either_of_what_forbids_core_files_is_enough(deadly, kept):
    deadly.wrapper = [*UNLIMITED, *instead_of(kept)]
    assert not dumps(deadly, signal.SIGABRT)
    assert cores(deadly.directory) == []


def test_without_both_there_would_be_one_with_the_token_in_it(deadly, endpoint):
    """So that these tests can fail."""
    deadly.wrapper = [*UNLIMITED, *instead_of(KEEPS_DUMPABLE, KEEPS_LIMIT)]
    assert dumps(deadly, signal.SIGABRT)
    if is_written_here():
        (core,) = cores(deadly.directory)
        assert Canary.of_token(endpoint.tokens[-1]).found_in(core.read_bytes())
        core.unlink()


@pytest.fixture(name="bearerd")
def a_bearerd_that_was_not_started(broker):
    return broker(start=False)


@contextmanager
def fetch_with_the_secret(programs, bearerd, endpoint, wrapper):
    """One that was started as systemd does it, and waits for the endpoint's answer."""
    bearerd.write_config()
    endpoint.next("stall")
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(
            [*wrapper, programs.fetch, "--config", bearerd.config_file], stdin=theirs,
            cwd=bearerd.directory, env={"ASAN_OPTIONS": "handle_segv=0:detect_leaks=0"}) as one:
        ours.sendall(b"athena\n")
        endpoint.wait_for_requests(1, TIMEOUT)
        yield one


@pytest.mark.parametrize("number", SIGNALS)
def test_bearerd_fetch_leaves_no_core_file(programs, bearerd, endpoint, number):
    with fetch_with_the_secret(programs, bearerd, endpoint, UNLIMITED) as fetch:
        fetch.send_signal(number)
        assert not has_dumped(fetch.pid)
    assert cores(bearerd.directory) == []


@pytest.mark.parametrize("kept", [KEEPS_DUMPABLE, KEEPS_LIMIT])
def test_either_is_enough_for_bearerd_fetch(programs, bearerd, endpoint, kept):
    wrapper = [*UNLIMITED, *instead_of(kept)]
    with fetch_with_the_secret(programs, bearerd, endpoint, wrapper) as fetch:
        fetch.send_signal(signal.SIGABRT)
        assert not has_dumped(fetch.pid)
    assert cores(bearerd.directory) == []


def test_without_both_bearerd_fetch_would_leave_the_secret(programs, bearerd, endpoint):
    wrapper = [*UNLIMITED, *instead_of(KEEPS_DUMPABLE, KEEPS_LIMIT)]
    with fetch_with_the_secret(programs, bearerd, endpoint, wrapper) as fetch:
        fetch.send_signal(signal.SIGABRT)
        assert has_dumped(fetch.pid)
    if is_written_here():
        (core,) = cores(bearerd.directory)
        assert Canary(endpoint.client_secret).found_in(core.read_bytes())
        core.unlink()


# From others of the same user.

@pytest.fixture(name="public")
def a_directory_for_everybody():
    directory = Path(tempfile.mkdtemp(prefix="bearerd-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def as_nobody(command, directory, **more):
    return subprocess.Popen(command, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
                            cwd=directory, env={}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **more)


@needs_root
@pytest.mark.parametrize("program", ["bearerd", "fetch"])
def test_others_of_the_same_user_cannot_look_into_it(programs, public, program):
    config = public / "bearerd.conf"
    config.write_text("[token a]\ntoken_url = https://localhost:1/\nclient_id = env:A\n"
                      "client_secret = env:A\n")
    for path in (programs.bearerd, programs.fetch):
        shutil.copy(path, public)
    os.chown(public, NOBODY.pw_uid, NOBODY.pw_gid)
    ours, theirs = socket.socketpair()
    command = {"bearerd": ["./bearerd", "--config", config, "--socket", public / "sock",
                           "--fetch", public / "bearerd-fetch"],
               "fetch": ["./bearerd-fetch", "--config", config]}[program]
    with ours, theirs, as_nobody(command, public, stdin=theirs) as process_of_nobody:
        pid = process_of_nobody.pid
        try:
            deadline = time.monotonic() + TIMEOUT
            while os.stat(f"/proc/{pid}/mem").st_uid != 0:      # not dumpable: root's
                assert process_of_nobody.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            for name in ("mem", "environ", "maps"):
                with as_nobody(["cat", f"/proc/{pid}/{name}"], public) as look:
                    assert look.wait(TIMEOUT) != 0, name
        finally:
            process_of_nobody.kill()
