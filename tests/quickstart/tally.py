# SPDX-License-Identifier: MIT
"""tally - counts what the workers report.

Owns the reading end of their pipe and the thread that reads it.
"""

import json
import threading
from dataclasses import dataclass, field, replace


@dataclass
class Count:
    answers: int = 0            # tokens that workers got
    refusals: int = 0           # ... and answers without one
    calls: int = 0              # API calls that succeeded
    failed_calls: int = 0
    longest_wait: float = 0.0   # for a token, in seconds; since the last reset_wait()
    rounds: dict = field(default_factory=dict)          # worker -> tokens that it got
    latest: dict = field(default_factory=dict)          # worker -> generation, None: was refused
    tokens: dict = field(default_factory=dict)          # generation -> fingerprints
    reasons: set = field(default_factory=set)           # of refusals: "502 upstream_denied"


class Tally:
    def __init__(self, pipe):
        self._pipe = pipe       # a file, which is taken over
        self._lock = threading.Lock()
        self._count = Count()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self._pipe:
            for line in self._pipe:
                with self._lock:
                    self._add(json.loads(line))

    def _add(self, report):
        count, worker = self._count, report["worker"]
        count.longest_wait = max(count.longest_wait, report.get("waited", 0.0))
        if report["status"] != 200:
            count.refusals += 1
            count.reasons.add(f"{report['status']} {report['error']}")
            count.latest[worker] = None
            return
        count.answers += 1
        count.rounds[worker] = count.rounds.get(worker, 0) + 1
        count.latest[worker] = report["generation"]
        count.tokens.setdefault(report["generation"], set()).add(report["fingerprint"])
        if "api" in report:
            count.calls += report["api"] == 200
            count.failed_calls += report["api"] != 200

    def reset_wait(self):
        with self._lock:
            self._count.longest_wait = 0.0

    @property
    def now(self):
        with self._lock:
            count = self._count
            return replace(count, rounds=dict(count.rounds), latest=dict(count.latest),
                           tokens=dict(count.tokens), reasons=set(count.reasons))
