# SPDX-License-Identifier: MIT
"""refresh - what a cached answer takes while the token is renewed, and otherwise, by turns.

A worker asks 4,000 times a second, on a connection that it keeps; meanwhile the operator has the token
renewed again and again, by an endpoint that takes its time. A renewal goes from the operator's request to
a moment after the endpoint's answer, when bearerd has it. bearerd-fetch runs on another processor if
there is one, and never in real time, as a service of its own would.
"""

import subprocess
import time

from oidc_agent import OidcAgent
from promise import Promise
from servers import Way, text_of
from stage import TIMEOUT, TOKEN_PATH, UnixHTTPConnection

ENDPOINT_TAKES = 0.3    # seconds
AFTERWARDS = 0.03       # until the endpoint's answer has arrived
SETTLED = 0.2           # until who was kept waiting has caught up: counts neither way
APART = 0.5             # from one renewal to the next
INTERVAL_NS = 250000
NS = 1000000000


class Renewed:
    """A bearerd, and the operator who has its token renewed."""

    def __init__(self, stage):
        self._endpoint = stage.endpoint
        self._bearerd = stage.bearerd(
            "renewed", stage.pinned, fetch=stage.tool("elsewhere"),
            environment={"BENCH_ELSEWHERE": str(stage.programs.fetch),
                         "BENCH_PROCESSOR": str(stage.cpus[0])})
        self._bearerd.get(TOKEN_PATH)
        self.way = Way("bearerd", "", "socket", self._bearerd.socket, [self._bearerd.pid],
                       stage.requests("renewed.get", TOKEN_PATH), 1)

    def slow(self, seconds):
        self._endpoint.behave(delay=seconds)

    def renew(self):
        """When the endpoint has answered."""
        asked = len(self._endpoint.token_requests)
        with UnixHTTPConnection(self._bearerd.control) as connection:
            answer = connection.ask("POST", "/v1/tokens/athena/refresh")
        assert answer.status == 202 and answer.body["renewal"] == "started", answer
        self._endpoint.wait_for_requests(asked + 1, TIMEOUT, ended=True)
        return int(self._endpoint.token_requests[asked].ended * NS)


class RenewedAgent:
    """An oidc-agent, and who asks it for a token that it does not have yet."""

    def __init__(self, stage):
        self._agent = OidcAgent(stage, stage.pinned, "token" * 200)
        self.way = self._agent.way()
        self.renew = self._agent.renew

    def slow(self, seconds):
        self._agent.provider.takes = seconds


def samples_of(stage, renewed, mode, seconds):
    """(began, took) of each get, [(began, ended)] of each renewal, and how many gets have failed."""
    renewals = []
    with subprocess.Popen([*stage.pinned, stage.tool("paced"), mode, str(seconds), str(INTERVAL_NS),
                           "/dev/null", text_of(renewed.way)],
                          stdout=subprocess.PIPE, text=True) as paced:
        assert paced.stdout.readline() == "begun\n"
        until = time.monotonic() + seconds - APART - 2 * ENDPOINT_TAKES
        while time.monotonic() < until:
            time.sleep(APART)
            began = time.monotonic_ns()
            ended = renewed.renew()
            renewals.append((began, ended + int(AFTERWARDS * NS)))
        *lines, last = paced.stdout.read().splitlines()
    return [tuple(map(int, line.split())) for line in lines], renewals, int(last.split()[1])


def p99(times):
    return sorted(times)[(len(times) - 1) * 99 // 100] / 1000


def compare(stage, renewed, mode, who, goal):
    renewed.slow(ENDPOINT_TAKES)
    samples, renewals, errors = samples_of(stage, renewed, mode, 3 if stage.is_quick else 30)
    renewed.slow(0)
    during = [took for began, took in samples
              if any(first <= began < end for first, end in renewals)]
    usual = [took for began, took in samples
             if not any(first <= began < end + int(SETTLED * NS) for first, end in renewals)]
    return [
        Promise(f"{who}, p99 of a cached answer, usually", p99(usual), None, "µs"),
        Promise(f"{who}, p99 of a cached answer during {len(renewals)} renewals of "
                f"{ENDPOINT_TAKES} s", p99(during), None, "µs"),
        Promise(f"{who}, that to the usual p99", p99(during) / p99(usual), goal),
        Promise(f"{who}, the longest during a renewal", max(during) / 1000, None, "µs"),
    ], errors


def go(stage, with_peers):
    promises, errors = compare(stage, Renewed(stage), "kept", "bearerd", 2)
    if with_peers:
        more, failed = compare(stage, RenewedAgent(stage), "new", "oidc-agent", None)
        promises, errors = promises + more, errors + failed
    return promises, errors
