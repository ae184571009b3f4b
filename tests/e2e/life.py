# SPDX-License-Identifier: MIT
"""life - all that a bearerd lives through, from its start on, in a few seconds.

Owns the canaries of what must not get out meanwhile: secrets and tokens. What looks for them is the
caller's: Life.stages() stops after each thing that has happened.
"""

import base64
import json
import signal
from urllib.parse import quote_plus

from canary import Canary
from pace import TIMEOUT, until

QUICK = {"requests_per_minute": 600, "retry_min": "100ms", "retry_max": "100ms",
         "denied_min": "100ms", "denied_max": "100ms", "min_renewal_interval": "100ms"}
BAD_DAY = ["400", "invalid-scope", "401", "401-empty", "echo-secret", "403", "403-empty", "408",
           "429", "500", "500-detailed", "500-html", "500-empty", "503", "302", "oversized",
           "reset", "close", "truncated"]
NO_CONNECTION = ["reset", "close"]
CERTIFICATES = ["wrong-host", "untrusted"]
WRONG = "wrong-secret/with+some=other&characters"
NEXT_WRONG = "one%20more+wrong=secret&of/the:client"
# What a worker sends that made token requests itself before.
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATHS = ["/v1/token", "/v1/tokens/athena", "/v1/token/header", "/v1/token?min_valid=1",
         "/v1/tokens", "/v1/nothing"]


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def echoes(secret):
    """Answers that tell what an endpoint had better keep to itself, each in its own way."""
    told, token, encoded = "@SECRET@", "@TOKEN@", quote_plus(secret)
    return [
        {"what": 401, "body": f"<html>{told} @AUTHORIZATION@</html>"},
        {"what": 400, "body": json.dumps({"error": "invalid_client",
                                          "error_description": f"{encoded} is wrong"})},
        {"what": 400, "body": f'{{"error":"{told}"}}'},
        {"what": 400, "body": f'{{"error":"invalid_client","error_uri":"https://x/{encoded}"}}'},
        {"what": 403, "body": f'{{"error":"x","detailedmessage":"@AUTHORIZATION@ {encoded}"}}'},
        {"what": 403, "body": f'{{"error":"x","detailedmessage":"{encoded.lower()}"}}'},
        {"what": 500, "body": f"{told}"},
        {"what": 500, "body": base64.b64encode(secret.encode()).decode()},
        {"what": 503, "body": f'{{"error":"{token}","error_description":"{token}"}}'},
        {"what": 429, "headers": {"Retry-After": secret}},
        {"what": 302, "headers": {"Location": f"/?{encoded}"}},
        {"body": f'{{"access_token":"{token}","token_type":"mac","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","token_type":"{told}","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","token_type":"Bearer","expires_in":"{told}"}}'},
        {"body": f'{{"access_token":"{token}","token_type":"Bearer","expires_in":60,'
                 f'"scope":"{told}"}}'},
        {"body": f'{{"access_token":"{token} ","token_type":"Bearer","expires_in":60}}'},
        {"body": f'{{"access_token":"{token}","access_token":"{token}"}}'},
        {"body": f'{{"access_token":"{token}"'},
        {"body": f"access_token={token}&token_type=Bearer"},
        {"raw": f"{told} {token}\r\n\r\n"},
        {"raw": f"HTTP/1.1 200 {encoded}\r\nSet-Cookie: {token}\r\nContent-Length: -1\r\n\r\n"},
    ]


class Life:
    def __init__(self, bearerd, endpoint):
        """BEARERD has one token, athena, by QUICK, and was not started."""
        self._bearerd = bearerd
        self._endpoint = endpoint
        self._secrets = [Canary(each) for each in (endpoint.client_secret, WRONG, NEXT_WRONG)]
        self.answers = ""           # what workers were told, those aside that asked for the token

    @property
    def secrets(self):
        return self._secrets

    @property
    def tokens(self):
        return [Canary.of_token(each) for each in self._endpoint.tokens]

    def stages(self):
        """The name of each thing, once it has happened."""
        yield from self._bad_answers()
        yield from self._no_connection()
        yield from self._certificates()
        yield from self._secrets_that_are_wrong()
        yield from self._mistakes()
        yield from self._workers()

    def _list(self):
        self.answers += str(self._bearerd.get("/v1/tokens").body)

    def _reload(self):
        self._bearerd.write_config()
        self._bearerd.reload()

    def _told(self, what):
        """WHAT is in the list, as the last failure."""
        until(lambda: what in str(self._bearerd.shown()), explain=self._bearerd.log)
        self._list()

    def _bad_answers(self):
        bad = [{"what": what} for what in BAD_DAY] + echoes(self._endpoint.client_secret)
        for each in bad:
            self._endpoint.next(**each)
        self._bearerd.start()
        for number, each in enumerate(bad, 1):
            self._endpoint.wait_for_requests(number, TIMEOUT)
            until(lambda: not self._bearerd.shown()["fetching"])
            self._list()
            yield f"{each}"
        self._granted()
        yield "a token"

    def _granted(self):
        until(lambda: self._bearerd.shown()["failures"] == 0 and self._bearerd.shown()["valid"],
              explain=self._bearerd.log)

    def _no_connection(self):
        for what in NO_CONNECTION:
            self._endpoint.next(what, on="connection")
            n = self._bearerd.shown()["renewals"]
            self._reload()
            until(lambda n=n: self._bearerd.shown()["renewals"] > n)
            yield f"a connection that is {what}"

    def _certificates(self):
        for kind in CERTIFICATES:
            self._endpoint.use_certificate(kind)
            self._reload()
            self._told("check token_url and tls_ca_file")
            yield f"a certificate that is {kind}"
        self._endpoint.use_certificate("good")
        self._reload()
        self._granted()

    def _rotate(self, secret):
        self._bearerd.secret("athena.client_secret", self._endpoint.client_id, secret)
        self._reload()

    def _secrets_that_are_wrong(self):
        self._endpoint.next("echo-secret", count=2)
        for secret in (WRONG, NEXT_WRONG):
            n = len(self._endpoint.token_requests)
            self._rotate(secret)
            self._endpoint.wait_for_requests(n + 1, TIMEOUT)
            self._told("401")
            yield f"the secret is {secret}"
        self._rotate(self._endpoint.client_secret)
        self._granted()
        yield "the secret is right again"

    def _mistakes(self):
        """Those of a configuration, and of what it names."""
        section = self._bearerd.config["token athena"]
        for key, value in (("floor", "wrong"), ("client_secret", WRONG), (NEXT_WRONG, "1"),
                           ("proxy", WRONG), ("allow_users", WRONG)):
            before = dict(section)
            section[key] = value
            self._reload()
            self._list()
            section.clear()
            section.update(before)
            yield f"{key} = {value}"
        secret = self._bearerd.directory / "athena.client_secret"
        for what in (f"{WRONG}\n{NEXT_WRONG}\n", ""):
            secret.write_text(what)
            self._reload()
            self._told("athena.client_secret")
            yield f"client_secret is {what!r}"
        secret.write_text(self._endpoint.client_secret)
        self._reload()
        self._granted()

    def _workers(self):
        """All that can be asked, also by one that sends the client's own credentials along."""
        client_id, secret = self._endpoint.client_id, self._endpoint.client_secret
        form = f"grant_type=client_credentials&client_id={client_id}"
        with self._bearerd.connect() as connection:
            for path in PATHS:
                connection.get(path)
                connection.get(path, {"Accept": "text/plain"})
            for body in (form, f"{form}&client_secret={quote_plus(secret)}", "client_secret=%",
                         f"grant_type={quote_plus(secret)}", f"{quote_plus(secret)}=1"):
                headers = FORM | {"Authorization": basic(client_id, secret)}
                answered = connection.ask("POST", "/oauth2/v1/token", headers, body)
                if answered.status != 200:
                    self.answers += str(answered.body)
            yield "requests of workers"
        self._list()
        yield "a worker that has left"

    def abort(self):
        """The end of it; the status that wait(2) gives."""
        self._bearerd.signal(signal.SIGABRT)
        return self._bearerd.wait()
