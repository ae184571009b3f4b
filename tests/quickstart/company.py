# SPDX-License-Identifier: MIT
"""company - what every show has: a bearerd, workers, a tally, and the live line."""

import time

from programs import NotShown, operator_lines, start_workers
from tally import Tally

WORKERS = 8
POLL_INTERVAL = 0.1


def require(condition, why):
    if not condition:
        raise NotShown(why)


def in_words(error):
    """What bearerd says in GET /v1/tokens about the last request."""
    said = [f"HTTP {error['upstream_status']}" if "upstream_status" in error else "",
            error.get("upstream_error", ""), error.get("message", "")]
    return ", ".join(filter(None, said)) or "bearerd does not say why"


class Company:
    def __init__(self, stage, build, screen):
        self.stage = stage
        self.build = build
        self.screen = screen
        self.bearerd = None
        self.tally = None
        self._workers = []
        self.started = time.monotonic()

    def log(self):
        """What bearerd told the operator; nothing if there is no bearerd yet."""
        return operator_lines(self.stage)

    def bring_workers(self, *api):
        self._workers, reports = start_workers(self.stage, WORKERS, self.bearerd.socket, *api)
        self.tally = Tally(reports)

    def dismiss_workers(self):
        for worker in self._workers:
            worker.terminate()

    # The live line.

    def state(self):
        """What becomes of the token, in few words."""
        token = self.bearerd.status()
        error = token.get("last_error")
        trouble = f"HTTP {error.get('upstream_status', 'none')}, " if error else ""
        have = f"generation {token['generation']}" if token["valid"] else "no valid token"
        if token["fetching"]:
            return f"{have}  {trouble}asking for one"
        what = "again" if error else "renewal"
        return f"{have}  {trouble}{what} in {token.get('next_attempt', '?')} s"

    def watch(self, condition, timeout, otherwise):
        """Until CONDITION holds of the tally; the tally then. NotShown: OTHERWISE."""
        deadline = time.monotonic() + timeout
        while True:
            require(self.bearerd.process.poll() is None, "bearerd ended by itself")
            now = self.tally.now
            if condition(now):
                self.screen.clear()
                return now
            require(time.monotonic() < deadline, otherwise)
            self.screen.live(f"{time.monotonic() - self.started:3.0f} s  {now.answers} answers  "
                             f"{now.refusals} refused  {self.state()}")
            time.sleep(POLL_INTERVAL)

    # What is waited for, and what must be so.

    def require_no_trouble(self, *kinds):
        """Of any kind, by default."""
        error = self.bearerd.status().get("last_error")
        if error and (not kinds or error["kind"] in kinds):
            raise NotShown("there is no token: " + in_words(error))

    @staticmethod
    def everyone_since(generation):
        """Every worker has a token that is newer."""
        return lambda now: (len(now.latest) == WORKERS
                            and all((have or 0) > generation for have in now.latest.values()))

    @staticmethod
    def generation(now):
        return max(now.tokens)

    @staticmethod
    def fingerprint(now, generation):
        """Of the one token that all workers got under this generation."""
        fingerprints = now.tokens[generation]
        require(len(fingerprints) == 1, f"generation {generation} was more than one token")
        return next(iter(fingerprints))

    @staticmethod
    def require_content(now, refusals=0):
        require(now.refusals == refusals,
                f"{now.refusals - refusals} requests of workers were refused: "
                + ", ".join(sorted(now.reasons)))
        require(now.failed_calls == 0, f"{now.failed_calls} API calls of workers failed")
