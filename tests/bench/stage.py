# SPDX-License-Identifier: MIT
"""stage - what a benchmark runs on: a directory, a token endpoint, and the programs of a build.

Whatever is started here is pinned to one processor, and in real time (SCHED_RR) where that is
permitted: what else the machine does then comes in between as seldom as can be. Ends it all.
"""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "standin")]

from broker import Broker  # noqa: E402
from pace import FAST, TIMEOUT, until  # noqa: E402
from standin import CLIENT_ID, CLIENT_SECRET, Standin  # noqa: E402
from unixhttp import UnixHTTPConnection  # noqa: E402

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOKEN_PATH = "/v1/token"
# For whole runs an answer has the same size: the seconds that are left keep their five digits.
EXPIRES_IN = 36000
# One user alone asks as fast as it can, which a user may not by default.
UNLIMITED = {"user_requests_per_second": 1000000}

TOKENS_MAX = 1000
SLOW = 60               # seconds for what takes one, where valgrind or others need the processor

Programs = namedtuple("Programs", "bearerd fetch")


class Stage(contextlib.ExitStack):
    def __init__(self, build, is_quick):
        super().__init__()
        self.build = Path(build).resolve()
        self.is_quick = is_quick
        self.programs = Programs(self.build / "daemon/bearerd",
                                 self.build / "daemon/fetch/bearerd-fetch")
        self.cpus = sorted(os.sched_getaffinity(0))
        self.in_real_time = ["chrt", "--rr", "1"] if may_be_in_real_time() else []
        self.pinned = self.on(self.cpus[-1])

    def __enter__(self):
        super().__enter__()
        raise_limit()
        self.directory = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        # In memory: what is read as a file.
        self.memory = Path(self.enter_context(
            tempfile.TemporaryDirectory(prefix="bench", dir="/dev/shm")))
        self.endpoint = self.enter_context(Standin(
            self.directory / "endpoint", expires_in=EXPIRES_IN,
            credentials={CLIENT_ID: CLIENT_SECRET} | {each: CLIENT_SECRET for each in clients()}))
        return self

    def on(self, cpu):
        """What starts a program on that processor."""
        return [*self.in_real_time, "taskset", "--cpu-list", str(cpu)]

    def tool(self, name):
        """The path of a program of ours."""
        return str(self.build / f"tests/bench/bench-{name}")

    def bearerd(self, name, wrapper=(), tokens=1, fetch=None, environment=None, start=True):
        """A Broker. Each of several tokens has a client of its own, and so a budget of its own."""
        programs = self.programs._replace(fetch=fetch or self.programs.fetch)
        one = Broker(programs, self.directory / name, self.endpoint, environment or {})
        one.wrapper = list(wrapper)
        one.config["broker"] |= UNLIMITED
        one.control = one.directory / "control.sock"
        one.arguments += ["--control", one.control]
        if tokens == 1:
            one.add_token("athena", **FAST)
            one.arguments += ["--epoch", one.directory / "epoch"]  # else answers differ in size
        for client in clients()[:tokens] if tokens > 1 else ():
            one.add_token(client, **FAST, client_id=one.credential(f"{client}.client_id", client))
        if start:
            self.callback(finish, one)
            one.start()
        else:
            one.write_config()
        return one

    def write(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return path

    def requests(self, name, *paths):
        """A file with one request for each path."""
        return self.write(name, b"".join(GET % path.encode() for path in paths))

    def start(self, *command, **keys):
        """A program that goes on until the stage ends."""
        process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, **keys)
        self.callback(end, process)
        return process

    def wait_for_server(self, path, process):
        """Until it listens there: valgrind makes it slow."""
        def is_there():
            assert process.poll() is None, f"{process.args} has ended by itself"
            with socket.socket(socket.AF_UNIX) as sock:
                return sock.connect_ex(str(path)) == 0

        until(is_there, SLOW)


def clients():
    """Their names, which are those of their tokens, too."""
    return [f"client-{number:04}" for number in range(TOKENS_MAX)]


def raise_limit():
    """Of descriptors, for all that is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end(process):
    process.terminate()
    try:
        process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def finish(bearerd):
    wrong = bearerd.finish()
    assert not wrong, "\n".join(wrong)


def may_be_in_real_time():
    return subprocess.run(["chrt", "--rr", "1", "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def output_of(*command, **keys):
    """What it says on its standard output; it must end well."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **keys)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def memory_of(pid):
    """(resident, private) bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        sizes = {name.rstrip(":"): int(size) * 1024
                 for name, size, *_ in (line.split() for line in file.readlines()[1:])}
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


__all__ = ["SLOW", "TESTS", "TIMEOUT", "TOKEN_PATH", "Stage", "UnixHTTPConnection", "clients", "memory_of",
           "output_of", "until"]
