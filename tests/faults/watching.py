# SPDX-License-Identifier: MIT
"""watching - the lives of bearerctl watch: it tells of each generation, or says why it ends."""

import signal
import time

from follower import Follower
from lives import Life, Restart
from page import LIBC, OURS
from process import DEADLINE, Hung
from rounds import ATTEMPTED, FOLLOWED, SPACING

# As bearerctl(1) has them. 64: EINVAL is taken for what it was called with.
DOCUMENTED = {64, 69, 71, 74, 75, 77}


class Watching(Life):
    program = "bearerctl"
    groups = OURS | LIBC

    def __init__(self, stage):
        super().__init__(stage)
        self._others = Restart(stage)
        self._bearerd = self._others.start_bearerd()
        self._newest = 0
        self._bearerd.wait_for(lambda: self._bearerd.told("READY"), "READY=1")

    def _wait(self, condition, within):
        try:
            return self._bearerd.wait_for(condition, "told", within, period=0.01)
        except Hung:
            return False

    def live(self, fault):
        self.arm(fault)
        watch = Follower([self.stage.build / "client/bearerctl", "--socket", self._others.socket,
                          "watch", "athena"], **self.stage.environment())
        try:
            self._wait(lambda: watch.is_told(max(1, self._newest)) or watch.has_ended(),
                       ATTEMPTED if fault else DEADLINE)
            self.page.disarm()
            time.sleep(SPACING)
            known = watch.last or self._newest
            self._bearerd.signal(signal.SIGHUP)
            is_told = self._wait(lambda: watch.is_told(known + 1) or watch.has_ended(), FOLLOWED)
            self._newest = max(self._newest, watch.last)
            wrong = self._judge(watch, fault, is_told)
        finally:
            watch.end()
            self.page.disarm()
        if wrong:
            wrong.append(f"{fault} (in {self.page.where}); it said: {watch.said()}")
        return wrong

    def _judge(self, watch, fault, is_told):
        status = watch.status()
        if status is None:
            return [] if is_told else [f"it was told {watch.lines}, and never of what came then"]
        if status < 0:
            return [f"killed by signal {-status}"]
        if not fault or status not in DOCUMENTED:
            return [f"exit status {status}"]
        return [] if watch.said() else ["it has ended without a word"]

    def close(self):
        self._bearerd.end()
        self._others.close()
