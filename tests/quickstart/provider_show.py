# SPDX-License-Identifier: MIT
"""provider_show - the show with a real provider: one token for all workers, and a renewal.

The configuration is the environment's. The workers get neither the credentials nor call an API.
"""

import os
import time

from company import WORKERS, Company, require
from programs import Bearerd

DEFAULT_PROVIDER = "athenahealth-preview"
ROUNDS = 10
FIRST_TOKEN_TIMEOUT = 20
RENEWAL_TIMEOUT = 120
PATIENCE = 20


class ProviderShow(Company):
    def set_up(self):
        variables = {name: value for name, value in os.environ.items()
                     if name.startswith("BEARERD_")}
        variables.setdefault("BEARERD_PROVIDER", DEFAULT_PROVIDER)
        where = variables.get("BEARERD_TOKEN_URL", variables["BEARERD_PROVIDER"])
        self.screen.headline("bearerd: one token for every worker on the host")
        self.screen.say(f"The token comes from {where}, with the credentials from the environment. "
                        "The workers do not get those.")
        self.bearerd = Bearerd(self.stage, self.build, variables=variables)
        self.bring_workers()

    def play(self):
        self.share()
        self.renew()
        self.sum_up()

    def share(self):
        deadline = time.monotonic() + FIRST_TOKEN_TIMEOUT

        def enough(now):
            # A refusal does not pass by itself; anything else may.
            self.require_no_trouble("denied", "misconfigured")
            if time.monotonic() >= deadline:
                self.require_no_trouble()
            return len(now.rounds) == WORKERS and min(now.rounds.values()) >= ROUNDS

        self.screen.headline(f"1. {WORKERS} workers start at once")
        now = self.watch(enough, FIRST_TOKEN_TIMEOUT + PATIENCE, "the workers got no token")
        self.require_content(now)
        require(len(now.tokens) == 1, f"{len(now.tokens)} tokens came")
        generation = self.generation(now)
        self.screen.done(f"{WORKERS} workers got {now.answers} answers with one token (fingerprint "
                         f"{self.fingerprint(now, generation)}); it came "
                         f"{self.bearerd.status()['renewals']} time from the endpoint")

    def renew(self):
        self.screen.headline("2. A worker asks for a newer token, as after a 401 of the API")
        self.screen.say("Renewals are kept apart, so that it may take half a minute.")
        generation = self.generation(self.tally.now)
        deadline = time.monotonic() + RENEWAL_TIMEOUT
        while (answer := self.bearerd.get(f"/v1/token?after={generation}")).status != 200:
            again = time.monotonic() + int(answer.headers.get("Retry-After", 1))
            require(answer.status == 429 and again < deadline,
                    f"{answer.body['error']}: {answer.body['error_description']}")
            self.watch(lambda _: time.monotonic() >= again, RENEWAL_TIMEOUT, "")
        now = self.watch(self.everyone_since(generation), PATIENCE,
                         "the workers did not get the newer token")
        self.require_content(now)
        newer = self.generation(now)
        self.screen.done(f"generation {generation} -> {newer} (fingerprint "
                         f"{self.fingerprint(now, newer)}): all {WORKERS} workers have it, "
                         "0 refused")

    def sum_up(self):
        now = self.tally.now
        self.screen.headline(f"In {time.monotonic() - self.started:.0f} seconds")
        self.screen.pair("workers", f"{WORKERS}")
        self.screen.pair("answers with a token", f"{now.answers}")
        self.screen.pair("refused", f"{now.refusals}")
        self.screen.pair("generations", f"{len(now.tokens)}, each one token")
        self.screen.pair("tokens that the endpoint granted",
                         f"{self.bearerd.status()['renewals']}")
        self.screen.say("An outage and a refusal cannot be made there: ./quickstart without "
                        "BEARERD_CLIENT_ID and BEARERD_CLIENT_SECRET shows both, with a stand-in.")
