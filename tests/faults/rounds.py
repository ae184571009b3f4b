# SPDX-License-Identifier: MIT
"""rounds - lives within one bearerd: the fault comes while it serves, or at a reload, and afterwards
it goes on. Memory and descriptors must be back where they were."""

import os
import select
import signal
import sys
import time
from errno import ECONNRESET, EPIPE
from pathlib import Path

from follower import Follower
from lives import DEAF, REFUSAL, Restart, ask_as_unit, ask_patiently
from peer import Peer, Silence, request
from process import DEADLINE, Hung

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))

import syscalls  # noqa: E402

GRANT = b"grant_type=client_credentials"
# How often the loop may turn in a round, which takes about a second, before that is called spinning.
TURNS_MAX = 2000
# How long whoever follows is waited for, in seconds: while something fails; and once nothing does, when
# libbearer tries again within 10 s.
ATTEMPTED = 0.3
FOLLOWED = 15
SPACING = 0.15                  # of renewals, which a reload respects: min_renewal_interval, and some


class Round(Restart):
    """One bearerd for many of them; a new one after something was wrong."""
    held = {"blocks": 0, "fds": 0}  # that it may have more, by what it is to hold

    def __init__(self, stage):
        super().__init__(stage)
        self._process = None

    def _begin(self):
        self.page.clear()
        self._process = process = self.start_bearerd()
        process.wait_for(lambda: process.told("READY"), "READY=1")
        for _ in range(3):                      # what is allocated once, is
            wrong = self._go_on(None) + self.act(process, None)
            assert not wrong, (wrong, "ended" if process.has_ended() else "it goes on")
        self.usual = {}
        process.wait_for(lambda: "asking" not in process.said[-1].get("STATUS", "asking"), "rest")
        self._settle(None)

    def _go_on(self, fault):
        """With no fault any more: each gets its token."""
        wrong = []
        got = ask_patiently(self.socket, self._process)
        wrong += (self.judge_token(got.body, self.since) if got.status == 200
                  else [f"afterwards, a worker got {got}"])
        if got.status == 200:
            self.since = got.body["generation"]
        return wrong

    def _settle(self, fault):
        """Until memory and descriptors are as before, or it is clear that they will not be."""
        end = time.monotonic() + 5              # slow ones are borne with for 2 s, and a fetch takes its time
        before = None
        while True:
            with Peer(self.socket, 5, self._process.pidfd) as worker:
                worker.ask("/nope")
                got = worker.ask("/nope")       # the loop has turned in between
                now = {"blocks": self.page.blocks, "fds": self.page.fds}
            if got.status is None and self._process.has_ended(within=1):
                return []       # and who connects now would be in the way of the next one
            if not self.usual and now == before:
                self.usual = now
            is_more = not self.usual or any(now[each] > self._limit(each) for each in now)
            if not is_more or time.monotonic() > end:
                break
            before = now
            time.sleep(0.01)
        return [f"{now} in use, {self.usual} before"] * is_more

    def _limit(self, what):
        return self.usual[what] + self.held[what]

    def count(self):
        before = self.page.calls(self.groups)
        self.act(self._process, None)
        counts = self.page.calls(self.groups)
        self._after(None)
        return {kind: n - before.get(kind, 0) for kind, n in counts.items()}

    def live(self, fault):
        wrong = []
        try:
            if not self._process:
                self._begin()
            if fault:
                self.page.arm(*fault)
            turns = self.page.turns
            wrong = self.act(self._process, fault)
            self.page.disarm()
            if self.page.turns > turns + TURNS_MAX:
                wrong.append(f"it spins: {self.page.turns - turns} turns of the loop")
            if not self._is_ending(wrong, fault):
                wrong += self._after(fault) + self._process.reports()
                wrong += self._settle(fault) and self._leaks(fault)
            if self._is_ending(wrong, fault):   # it is judged by how
                wrong = self.judge_end(self._process, fault, True)
        except (Hung, Silence, AssertionError) as error:
            self.page.disarm()
            wrong.append(f"{type(error).__name__}: {error}")
        if wrong or self._process.has_ended():
            wrong = self.explain(self._process, fault, wrong)
            self._process.end()
            self._process = None
        return wrong

    def _is_ending(self, wrong, fault):
        """What is WRONG may come of that."""
        return self._process.has_ended(within=1 if wrong and fault else 0)

    def _leaks(self, fault):
        """More is in use than before: lost, or only used? What is lost is more each time, of five."""
        found, in_use = self._settle(fault), []
        for _ in range(6 if fault else 0):
            in_use.append((self.page.blocks, self.page.fds))
            self.page.arm(*fault)
            self.act(self._process, fault)
            self.page.disarm()
            if self._process.has_ended():
                return []                       # of the same fault, a little later
            self._after(fault)
            found = self._settle(fault)
            if not found:
                return []
        limits = map(self._limit, ("blocks", "fds"))    # within them, more is only used
        for limit, each in zip(limits, zip(*in_use[-5:])):
            if each[-1] > limit and all(one < next_one for one, next_one in zip(each, each[1:])):
                return found
        if fault:
            self.usual = {"blocks": max(self.page.blocks, self.usual["blocks"]),
                          "fds": max(self.page.fds, self.usual["fds"])}
            return []
        return found

    def _after(self, fault):
        return self._go_on(fault)

    def act(self, process, fault):
        raise NotImplementedError

    def judge_silence(self, process, fault, got):
        """Of GOT that is no token."""
        # Of peers that have left, which they have not here, nothing is said.
        if fault.kind == "print" or fault.error in (EPIPE, ECONNRESET):
            return []
        if "<4>" in process.log() or "<3>" in process.log():
            return []
        return [f"a worker got {got}, and not a word was said"]

    def finish(self):
        if not self._process:
            return []
        self._process.signal(signal.SIGTERM)
        self._process.wait()
        wrong = self.judge_end(self._process, None, False)
        self._process.end()
        self._process = None
        return wrong

    def _patience(self, fault):
        return 0.1 if fault and fault.onwards else 10


class Serving(Round):
    """Workers of several kinds, a unit, and an operator."""

    def act(self, process, fault):
        wrong = []
        patience = self._patience(fault)
        for path, ask in ((self.socket, self._tokens), (self.socket, self._post),
                          (self.socket, self._in_pieces), (self.socket, self._malformed),
                          (self.socket, self._of_unit), (self.control, self._as_operator)):
            try:
                with Peer(path, patience, process.pidfd) as peer:
                    for got, good in ask(peer):
                        wrong += self._judge(process, fault, got, good)
            except Silence as error:
                if not fault or not fault.onwards:
                    raise error
        if os.geteuid() == 0 and not (fault and fault.onwards):
            got = ask_as_unit(self.credential, process, "unit")
            if got is not None and len(got) < REFUSAL and (
                    got.decode() not in self.stage.endpoint.tokens):
                wrong.append(f"a unit that starts with the credential {got[:100]!r}")
        return wrong

    def _judge(self, process, fault, got, good):
        if got.status == 200 and "access_token" in got.body:
            return self.judge_token(got.body, self.since)
        if got.status in good:
            return []
        if got.status is not None:
            return [f"a worker got {got}, not {good}"]
        return self.judge_silence(process, fault, got) if fault else [f"a worker got {got}"]

    def _tokens(self, worker):
        yield worker.ask("/v1/token"), {200}
        yield worker.ask("/v1/tokens"), {200}
        yield worker.ask("/v1/token/header"), {200}

    def _post(self, worker):
        yield worker.ask("/oauth2/v1/token", method="POST", body=GRANT), {200}

    def _in_pieces(self, worker):
        data = request("/v1/tokens/athena") + request("/nope")
        worker.send(data[:20])
        worker.pause()
        worker.send(data[20:90])
        worker.pause()
        worker.send(data[90:])
        yield worker.answer(), {200}
        yield worker.answer(), {404}

    def _malformed(self, worker):
        worker.send(b"nonsense\r\n\r\n")
        yield worker.answer(), {400}

    def _as_operator(self, operator):
        yield operator.ask("/v1/status"), {200}
        yield operator.ask("/metrics"), {200}
        yield operator.ask("/v1/tokens/nope/refresh", method="POST"), {404}

    def _of_unit(self, worker):
        """200 where the tests run in such a unit."""
        yield worker.ask("/v1/tokens/unit"), {200, 403}


class Burdened(Round):
    """Workers that pass a descriptor along, on a kernel that cannot refuse it: with a request, and
    behind one, to be closed unread. Each is dropped, if not at once, then when the next one is."""

    def __init__(self, stage):
        self.wrapper = syscalls.without_refusing_rights()
        self._passed = []       # whose other ends are to be closed
        super().__init__(stage)

    def act(self, process, fault):
        wrong = []
        for begin in (b"", request("/v1/token/events")):
            try:
                with Peer(self.socket, self._patience(fault), process.pidfd) as worker:
                    wrong += self._pass(worker, begin, process, fault)
            except Silence as error:
                if not fault or not fault.onwards:
                    raise error
        self._collect(0.2 if fault else DEADLINE)
        return wrong

    def _pass(self, worker, begin, process, fault):
        """Behind BEGIN, of which some is answered; who has no answer then, leaves."""
        worker.send(begin)
        if begin:
            worker.pause()
        mine, passed = os.pipe()
        self._passed.append(mine)
        worker.pass_on(request("/v1/token"), passed)
        os.close(passed)
        if begin:
            return []
        got = worker.answer()
        if got.status == 400:
            return []
        if got.status is None and fault:
            return self.judge_silence(process, fault, got)
        return [f"who passes a descriptor got {got}"]

    def _after(self, fault):
        """One more, which all that are left wait for."""
        wrong = self.act(self._process, None) + self._go_on(fault)
        if self._passed:
            wrong.append(f"{len(self._passed)} descriptors that were passed are not dropped")
        return wrong

    def _collect(self, within):
        """Those that are dropped."""
        end = time.monotonic() + within
        while self._passed and time.monotonic() < end:
            ready, _, _ = select.select(self._passed, [], [], 0.05)
            for fd in ready:
                self._passed.remove(fd)
                os.close(fd)


class Reloading(Round):
    """A reload, its renewal by bearerd-fetch, and a worker that waits for that."""

    def act(self, process, fault):
        since = self.since
        patience = 0.3 if fault and fault.onwards else 10
        try:
            with Peer(self.socket, patience, process.pidfd) as worker:
                self._reload(process, fault)
                got = self._newer(worker, since)
        except Silence as error:
            if fault and fault.onwards:
                return []
            raise error
        if process.has_ended():
            return []
        if got.status == 200:
            return self.judge_token(got.body, since + 1)
        if fault:
            return self.judge_silence(process, fault, got)
        return [f"a worker that waits for a renewal got {got}"]

    def _newer(self, worker, since):
        """As a worker whose token was refused; while that one is fresh, it asks again."""
        end = time.monotonic() + 5
        while True:
            got = worker.ask(f"/v1/token?after={since}&wait=3")
            if got.status != 429 or time.monotonic() > end:
                return got
            time.sleep(0.02)

    def _reload(self, process, fault):
        """What it tells of that may be lost, which it says."""
        try:
            self.reload(process, 1 if fault else DEADLINE)
        except Hung:
            if not fault or (not fault.onwards and
                             DEAF not in process.log()):
                raise

    def _after(self, fault):
        """A reload that goes well, and the renewal by it."""
        if not fault:
            return self._go_on(fault)
        self.reload(self._process)
        with Peer(self.socket, 10, self._process.pidfd) as worker:
            got = self._newer(worker, self.since)
        if got.status != 200:
            return [f"no renewal: {got}"]
        return self.judge_token(got.body, self.since + 1) + self._go_on(fault)


class Following(Round):
    """A worker that follows a token all the time, by libbearer, and one that begins to; a reload, and
    the renewal by it, which both are told of. Neither may be left behind."""
    # PEER_PROCESSES_MAX: each round has a process that bearerd has not met.
    held = {"blocks": 0, "fds": 16}

    def __init__(self, stage):
        super().__init__(stage)
        self._program = stage.build / "tests/e2e/test-follower"
        self._followers = []

    def _leave(self, number=0):
        """All of them, or all but so many."""
        while len(self._followers) > number:
            self._followers.pop().end()

    def act(self, process, fault):
        patience = ATTEMPTED if fault else DEADLINE
        self._leave(1)
        while len(self._followers) < 2:
            self._followers.append(Follower([self._program, "athena"],
                                            BEARERD_SOCKET=str(self.socket)))
        self._are_told(self.since, patience)
        time.sleep(SPACING)
        known = self._newest()
        process.signal(signal.SIGHUP)
        is_told = self._are_told(known + 1, patience)
        return [] if is_told or fault else [f"not told: {[each.lines for each in self._followers]}"]

    def _newest(self):
        return max(self.since, *(each.last for each in self._followers))

    def _are_told(self, generation, within):
        try:
            return self._process.wait_for(
                lambda: all(each.is_told(generation) for each in self._followers), "told", within,
                period=0.01)
        except Hung:
            return False

    def _after(self, fault):
        """And one more, which they are told of whatever has failed."""
        known, wrong = self._newest(), []
        end = time.monotonic() + DEADLINE
        while self.since <= known and time.monotonic() < end and not self._process.has_ended():
            time.sleep(SPACING)
            self.reload(self._process)
            self._are_told(known + 1, 1)
            wrong = self._go_on(fault)
        if self.since <= known:
            wrong.append("no renewal")
        if not self._are_told(self.since, FOLLOWED):
            wrong.append(f"of generation {self.since} not each was told: "
                         f"{[each.lines[-3:] for each in self._followers]}")
        self._leave(1)
        return wrong

    def finish(self):
        self._leave()
        return super().finish()

    def close(self):
        self._leave()
        super().close()
