# SPDX-License-Identifier: MIT
"""standin_show - the show with the stand-in: one token, a renewal, an outage, a refusal.

Lifetimes are seconds here, and hours with athenahealth; the rules are the same.
"""

import sys
import time

from company import WORKERS, Company, require
from programs import HERE, Bearerd, Endpoint

sys.path.append(str(HERE.parent / "standin"))

from standin import CLIENT_ID, CLIENT_SECRET  # noqa: E402

PRACTICE_ID = "195900"
# Renewed when a quarter of the life is left, handed out until one second is.
LIFE = 10
LIFE_BEFORE_OUTAGE = 16
LIFE_AT_THE_END = 3600
OUTAGE = 2              # seconds, of the three in which the token is renewed and still good
OUTAGE_REQUESTS = 3
ROUNDS = 10             # of each worker, until act 1 is convincing
PATIENCE = 20           # beyond what should be: for slow machines

CONFIGURATION = f"""\
[token athena]
token_url = {{endpoint.token_url}}
tls_ca_file = {{endpoint.ca_file}}
scope = athena/service/Athenanet.MDP.*
basic_encoding = raw
practice_id = {PRACTICE_ID}
client_id = {CLIENT_ID}
client_secret = file:{{secret}}
floor = 1s
retry_min = 300ms
retry_max = 500ms
requests_per_minute = 600
"""


class StandinShow(Company):
    def set_up(self):
        self.screen.headline("bearerd: one token for every worker on the host")
        self.screen.say("A stand-in on this machine plays athenahealth's token endpoint and API. "
                        "bearerd, bearerd-fetch and the workers are real processes.")
        self.endpoint = Endpoint(self.stage)
        self.endpoint.command("behave", expires_in=LIFE)
        self.endpoint.command("next", expires_in=LIFE, delay=1)
        self.secret = self.stage.write("client_secret", CLIENT_SECRET)
        configuration = self.stage.write("bearerd.conf", CONFIGURATION.format(
            endpoint=self.endpoint, secret=self.secret))
        self.bearerd = Bearerd(self.stage, self.build, ["--config", configuration])
        api = self.endpoint.token_url.replace("/oauth2/v1/token", f"/v1/{PRACTICE_ID}/ping")
        self.bring_workers(api, self.endpoint.ca_file)

    def play(self):
        self.share()
        self.renew()
        self.ride_out()
        self.be_refused()
        self.mend()
        self.sum_up()

    def requests(self, status=None):
        return self.endpoint.count(status)

    def tell_log(self, pattern):
        """The line of bearerd's log with PATTERN in it, which must be there."""
        def found():
            return [line for line in self.log() if pattern in line]

        self.watch(lambda _: found(), PATIENCE, f"the log of bearerd does not say: {pattern}")
        self.screen.say("The operator reads:")
        self.screen.quote(found()[-1])

    # The acts.

    def share(self):
        def enough(now):
            self.require_no_trouble()
            return len(now.rounds) == WORKERS and min(now.rounds.values()) >= ROUNDS

        self.screen.headline(f"1. {WORKERS} workers start at once, and the endpoint takes a second")
        now = self.watch(enough, PATIENCE, "the workers got no token")
        self.require_content(now)
        require(self.requests() == 1 and len(now.tokens) == 1,
                f"{self.requests()} requests reached the endpoint, {len(now.tokens)} tokens came")
        generation = self.generation(now)
        self.screen.done(f"{WORKERS} workers got {now.answers} answers with one token (fingerprint "
                         f"{self.fingerprint(now, generation)}); 1 request reached the endpoint")

    def renew(self):
        self.screen.headline("2. The token is renewed shortly before it expires")
        before = self.tally.now
        generation = self.generation(before)
        self.endpoint.command("behave", expires_in=LIFE_BEFORE_OUTAGE)
        now = self.watch(self.everyone_since(generation), LIFE + PATIENCE,
                         "the token was not renewed")
        self.require_content(now)
        newer = self.generation(now)
        require(self.requests() == 2 and len(now.tokens) == 2,
                f"{self.requests()} requests reached the endpoint for one renewal")
        self.screen.done(f"generation {generation} -> {newer} (fingerprint "
                         f"{self.fingerprint(now, newer)}): {now.answers - before.answers} "
                         f"answers meanwhile, 0 refused; 1 more request reached the endpoint")

    def ride_out(self):
        self.screen.headline("3. The endpoint is out of order when the next renewal is due")
        self.endpoint.command("behave", what="500")
        before = self.watch(lambda _: self.requests(500) > 0, LIFE_BEFORE_OUTAGE + PATIENCE,
                            "no renewal was tried")
        generation = self.generation(before)
        self.tally.reset_wait()
        began = time.monotonic()
        self.tell_log("no token this time")
        during = self.watch(lambda _: self.requests(500) >= OUTAGE_REQUESTS
                            and time.monotonic() - began >= OUTAGE,
                            PATIENCE, "the renewal was not tried again")
        lasted = time.monotonic() - began
        self.endpoint.command("behave", expires_in=LIFE)
        now = self.watch(self.everyone_since(generation), PATIENCE, "bearerd did not recover")
        self.require_content(now)
        require(not any("no valid token any more" in line for line in self.log()),
                "the token expired during the outage")
        self.screen.done(f"{self.requests(500)} requests got 500 in {lasted:.1f} s; "
                         f"{during.answers - before.answers} answers meanwhile, 0 refused, the "
                         f"slowest after {now.longest_wait * 1000:.0f} ms")
        self.screen.done(f"recovered by itself: generation {generation} -> "
                         f"{self.generation(now)}")

    def be_refused(self):
        self.screen.headline("4. The client secret is wrong when the next renewal is due")
        self.secret.write_text("not the secret")
        before = self.watch(lambda _: self.requests(401) > 0, LIFE + PATIENCE,
                            "no renewal was tried")
        self.tell_log("the token endpoint refuses")
        last = self.watch(lambda now: now.refusals > 0, LIFE + PATIENCE,
                          "no worker was told that the endpoint refuses")
        served = last.answers - before.answers
        require(served > 0, "no worker was served after the endpoint refused")
        self.screen.done(f"workers got {served} more answers with the token that was there, until "
                         "it was about to expire")
        now = self.watch(lambda now: all(have is None for have in now.latest.values()), PATIENCE,
                         "not every worker was told that the endpoint refuses")
        require(now.reasons == {"502 upstream_denied"},
                "workers read " + ", ".join(sorted(now.reasons)))
        require(now.failed_calls == 0, f"{now.failed_calls} API calls of workers failed")
        require(self.requests(401) == 1, f"the endpoint refused {self.requests(401)} times")
        self.screen.done(f"then all {WORKERS} workers read HTTP 502 upstream_denied; "
                         "1 request was refused, and no more were made")

    def mend(self):
        self.screen.headline("5. The secret is mended, and bearerd reloaded (SIGHUP)")
        generation = self.generation(self.tally.now)
        self.endpoint.command("behave", expires_in=LIFE_AT_THE_END)
        self.secret.write_text(CLIENT_SECRET)
        self.bearerd.reload()
        now = self.watch(self.everyone_since(generation), PATIENCE, "there is no token again")
        self.tell_log("granted again")
        self.screen.done(f"generation {generation} -> {self.generation(now)}: all {WORKERS} "
                         "workers have a token again")

    def sum_up(self):
        now, n = self.tally.now, self.requests()
        require(now.reasons == {"502 upstream_denied"} and now.failed_calls == 0,
                f"{now.failed_calls} API calls failed; workers read {sorted(now.reasons)}")
        granted = self.requests(200)
        require(granted == len(now.tokens), f"{granted} tokens were granted, {len(now.tokens)} seen")
        for generation in now.tokens:
            self.fingerprint(now, generation)
        self.screen.headline(f"In {time.monotonic() - self.started:.0f} seconds")
        self.screen.pair("workers", f"{WORKERS}")
        self.screen.pair("answers with a token", f"{now.answers}")
        self.screen.pair("API calls with it", f"{now.calls}, all accepted")
        self.screen.pair("refused before act 4", "0")
        self.screen.pair("generations", f"{len(now.tokens)}, each one token")
        self.screen.pair("requests that reached the endpoint",
                         f"{n}: {granted} granted, {self.requests(500)} got 500, "
                         f"{self.requests(401)} got 401")
