# SPDX-License-Identifier: MIT
"""lives - what is lived through with a fault in it, and what must hold of each.

A life is called with a fault, or with none, and returns what was wrong about it: a list of texts.
Whatever fails, nothing ends by a signal, hangs, or hands out a wrong token; what does not go on says
why, and what goes on gives its token as soon as nothing fails any more, with no memory and no
descriptor left behind.
"""

import fcntl
import os
import select
import signal
import socket
from collections import namedtuple
from errno import ECONNRESET, EPIPE

import peer as peers
from page import HELPERS, LIBC, OURS, PARTIAL
from peer import Peer, Silence
from process import DEADLINE, Hung, out_of_the_way

# NTH from 1; ERROR an errno, or PARTIAL; ONWARDS: and all that follow.
Fault = namedtuple("Fault", "kind nth error onwards groups")

# How bearerd and bearerd-fetch may end with an honest message: EX_OSERR, EX_CANTCREAT, EX_CONFIG.
HONEST = {71, 73, 78}
REFUSAL = (1 << 20) + (1 << 18)     # bytes
PATIENCE = 5                        # seconds that a worker asks bearerd to wait
STORE = "store"
DEAF = "cannot tell the service manager"


def describe(fault):
    if not fault:
        return "no fault"
    what = "in part" if fault.error == PARTIAL else os.strerror(fault.error)
    which = f"{fault.kind} {fault.nth}" + (" and all that follow" if fault.onwards else "")
    return f"{which}: {what}"


class Life:
    groups = OURS | HELPERS | LIBC      # whose calls fail
    program = "bearerd"

    def __init__(self, stage):
        self.stage = stage
        self.page = stage.page(self.program)
        self.generations = {}           # {generation: token}, of all lives
        self.usual = {}                 # what a life without a fault leaves: {name: blocks}

    def live(self, fault):
        """What was wrong about it."""
        raise NotImplementedError

    def count(self):
        """How many calls of each kind can fail: {kind: number}."""
        self.live(None)
        return self.page.calls(self.groups)

    def finish(self):
        """What was wrong about what is still running."""
        return []

    def close(self):
        pass

    def arm(self, fault):
        self.page.clear()
        if fault:
            self.page.arm(*fault)

    @property
    def has_failed(self):
        """Whether the fault has come about at all."""
        return self.page.failed > 0

    # What must hold.

    def judge_token(self, body, since=0):
        """Of an answer with status 200: what is wrong with it."""
        token, generation = body["access_token"], body["generation"]
        if token not in self.stage.endpoint.tokens:
            return [f"a token that nobody has granted: {body}"]
        if body["name"] != "athena" or self.generations.setdefault(generation, token) != token:
            return [f"the wrong token: {body}"]
        if generation < since:
            return [f"generation {generation} after {since}"]
        return []

    def judge_end(self, process, fault, may_fail):
        """Of a process that has ended."""
        wrong = process.reports()
        if process.status < 0:
            return wrong + [f"killed by signal {-process.status}"]
        if process.status > 0 and not may_fail:
            wrong.append(f"exit status {process.status}")
        if process.status > 0 and process.status not in HONEST:
            wrong.append(f"exit status {process.status}, which is not documented")
        if process.status > 0 and not process.log() and fault.kind != "print":
            wrong.append("it has ended without a word")
        return wrong

    def judge_blocks(self, what, fault):
        """Memory that is still allocated, against a life without a fault. What fails at start may
        have been needed for good."""
        if not fault:
            self.usual[what] = max(self.usual.get(what, 0), self.page.blocks)
        elif self.page.blocks > self.usual[what]:
            return [f"{self.page.blocks} blocks of memory {what}, {self.usual[what]} without a "
                    "fault"]
        return []

    def explain(self, process, fault, wrong):
        if wrong:
            wrong = [*wrong, f"{describe(fault)} (in {self.page.where}); it said: "
                             + (process.log().strip() or "nothing")]
        return wrong


# ---- bearerd, from start to stop ----

def ask_patiently(path, process):
    with Peer(path, PATIENCE + 5, process.pidfd) as worker:
        return worker.ask(f"/v1/token?wait={PATIENCE}")


def ask_as_unit(path, process, credential):
    """What systemd would get for a unit; None: an error."""
    poll = select.poll()
    with socket.socket(socket.AF_UNIX) as unit:
        unit.settimeout(PATIENCE + 5)
        unit.bind(f"\0{os.urandom(8).hex()}/unit/worker.service/{credential}")
        data = b""
        try:
            unit.connect(str(path))
            poll.register(unit, select.POLLIN)
            poll.register(process.pidfd, select.POLLIN)
            while unit.fileno() in dict(poll.poll(1000 * (PATIENCE + 5))):
                part = unit.recv(1 << 18)
                if not part:
                    return data
                data += part
            if not process.has_ended():
                raise Silence("no credential")
            return None
        except OSError:
            return None                     # reset: systemd fails the unit


class WholeLife(Life):
    """Start, serve, stop."""

    def launch(self):
        raise NotImplementedError

    def after(self, process, fault):
        """Anything more, with no fault any more."""
        return []

    def live(self, fault):
        self.arm(fault)
        process = self.launch()
        try:
            wrong = self._live(process, fault) + self.judge_end(process, fault, bool(fault))
            if fault is None and process.status != 0:
                wrong.append(f"exit status {process.status}")
            if process.status == 0:
                wrong += self.judge_blocks("at its end", fault)
            self.page.disarm()
            wrong += self.after(process, fault)
        except (Hung, Silence, AssertionError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        finally:
            process.end()
        return self.explain(process, fault, wrong)

    def _live(self, process, fault):
        """Until it has ended."""
        wrong = []
        # That the service manager cannot be told is for it to miss; workers need not.
        ready = process.wait_for(
            lambda: process.told("READY") or (fault and fault.onwards and
                                              DEAF in process.log()), "READY=1", period=0.02)
        if ready:
            wrong += self.serve(process, fault)
            if not fault:               # as many do who recover
                self.reload(process)
            process.signal(signal.SIGTERM)
        process.wait()
        return wrong

    def serve(self, process, fault):
        got = self.ask(process, fault)
        if got.status == 200:
            return self.judge_token(got.body, self.since)
        wrong = []
        if not process.log().strip() and fault.kind != "print":
            wrong.append(f"a worker got {got}, and not a word was said")
        # One fault is not two: whoever asks again gets it.
        if not fault.onwards and process.status is None:
            if "at reload" in process.log() or "systemctl reload" in process.log():
                self.reload(process)
            got = self.ask(process, fault)
            if got.status is None and process.has_ended(within=1):
                return wrong
            wrong += (self.judge_token(got.body, self.since) if got.status == 200
                      else [f"a worker that asked again got {got}"])
        return wrong

    def reload(self, process, deadline=DEADLINE):
        seen = len(process.said)
        process.signal(signal.SIGHUP)

        def is_done():
            keys = [key for each in process.said[seen:] for key in each]
            return "RELOADING" in keys and "READY" in keys[keys.index("RELOADING"):]

        process.wait_for(is_done, "RELOADING=1, then READY=1", deadline)

    def ask(self, process, fault):
        """As a worker does; what fails for good is not waited for."""
        if not fault or not fault.onwards:
            return ask_patiently(self.socket, process)
        try:
            with Peer(self.socket, 0.5, process.pidfd) as worker:
                return worker.ask("/v1/token?wait=0")
        except Silence:
            return peers.HUNG_UP

    since = 0


class Start(WholeLife):
    """In the foreground, with a socket of its own and nothing kept: a token has to come first."""

    def __init__(self, stage):
        super().__init__(stage)
        self.socket = stage.directory / "token.sock"

    def launch(self):
        self.socket.unlink(missing_ok=True)
        self.stage.epoch.unlink(missing_ok=True)
        # What a bearerd that was killed has left.
        with socket.socket(socket.AF_UNIX) as old:
            old.bind(str(self.socket))
        return self.stage.start([self.stage.bearerd, "--config", self.stage.config, "--socket",
                                 self.socket, "--fetch", self.stage.fetch,
                                 "--epoch", self.stage.epoch],
                                WATCHDOG_USEC="10000000")


class Restart(WholeLife):
    """With the sockets of systemd and the memory of an earlier life; and then again, without a
    fault."""
    wrapper = ()    # what starts bearerd

    def __init__(self, stage):
        super().__init__(stage)
        self.socket, self._token_fd = stage.listen("passed.sock")
        self.credential, self._credential_fd = stage.listen("credential.sock")
        self.control, self._control_fd = stage.listen("control.sock")
        self._kept = None
        self._since = 0
        self._remember()

    def start_bearerd(self, store=None):
        passed = {"token": self._token_fd, "credential": self._credential_fd,
                  "control": self._control_fd}
        if store is not None:
            passed[STORE] = store
        return self.stage.start([*self.wrapper, self.stage.bearerd, "--config", self.stage.config,
                                 "--fetch", self.stage.fetch, "--epoch", self.stage.epoch], passed)

    def _remember(self):
        """What a life leaves."""
        self.arm(None)
        process = self.start_bearerd()
        try:
            got = ask_patiently(self.socket, process)
            # So that a restart finds nothing to do: the other token, too.
            process.wait_for(lambda: "asking for one" not in process.said[-1].get("STATUS", "asking"),
                             "both tokens")
            process.signal(signal.SIGTERM)
            process.wait()
            assert got.status == 200 and process.status == 0, (got, process.log())
            self._since = got.body["generation"]
            self.generations[self._since] = got.body["access_token"]
            self._kept = read_sparse(dict(process.kept)[STORE])
        finally:
            process.end()

    def launch(self):
        self._store = make_store(*self._kept)
        self.since = self._since
        self.last = 0
        process = self.start_bearerd(self._store)
        process.kept.append((STORE, self._store))
        return process

    def serve(self, process, fault):
        wrong = super().serve(process, fault)
        # Nobody else's address is believed. That nobody reads any more is not true here.
        if os.geteuid() != 0 or (fault and (fault.onwards or fault.error in (EPIPE, ECONNRESET))):
            return wrong
        for credential in ("unit", "athena"):
            got = ask_as_unit(self.credential, process, credential)
            if got is None:
                continue
            if len(got) < REFUSAL and got.decode() not in self.stage.endpoint.tokens:
                wrong.append(f"a unit that starts with the credential {got[:100]!r}")
            if (len(got) >= REFUSAL and "credential" not in process.log()
                    and fault.kind != "print"):
                wrong.append("a unit was refused, and not a word was said")
        return wrong

    def after(self, process, fault):
        """The next life, with what systemd then has."""
        if not fault:
            return []
        since = max(self.generations)
        stores = [fd for name, fd in process.kept if name == STORE]
        following = self.start_bearerd(stores[0] if stores else None)
        try:
            got = ask_patiently(self.socket, following)
            following.signal(signal.SIGTERM)
            following.wait()
            if got.status != 200:
                return [f"the next life gives {got}: {following.log()}"]
            wrong = self.judge_token(got.body, self._seen(process))
            return [f"in the next life: {each}" for each in wrong + following.reports()]
        finally:
            following.end()

    def _seen(self, process):
        """The last generation that workers of this life have seen."""
        return self.last or self.since

    last = 0

    def judge_token(self, body, since=0):
        self.last = body["generation"]
        return super().judge_token(body, since)

    def close(self):
        os.close(self._token_fd)
        os.close(self._credential_fd)
        os.close(self._control_fd)


def read_sparse(fd):
    """Its size, and its parts that are no hole: [(from, bytes)]."""
    size, at, parts = os.fstat(fd).st_size, 0, []
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        end = os.lseek(fd, at, os.SEEK_HOLE)
        parts.append((at, os.pread(fd, end - at, at)))
        at = end
    return size, parts


def make_store(size, parts):
    """As bearerd makes it."""
    fd = os.memfd_create("bearerd-store", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    for at, data in parts:
        os.pwrite(fd, data, at)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    moved = out_of_the_way(fd)
    os.close(fd)
    return moved
