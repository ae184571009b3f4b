#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""standin - a stand-in for athenahealth's token endpoint, for tests and for ./quickstart.

It serves HTTPS on 127.0.0.1 with a certificate of a throw-away CA, and behaves like the real one:
`POST /oauth2/v1/token` with good credentials gets a token that looks like theirs, anything else the
error that they would send; `GET /v1/...` with such a token is an API call that succeeds, and `HEAD`
of the token endpoint a look at it, which gets 405 and a Date. On command it does what endpoints do on a bad day: the names are PRESETS in behaviour.py, the details the
fields of Behaviour there. Every request is in its log.

As a module (with this directory on sys.path):

    with Standin(directory) as endpoint:
        ... endpoint.token_url, endpoint.ca_file, endpoint.client_id, endpoint.client_secret ...
        endpoint.next("500", count=3)               # the next three requests, then back
        endpoint.next("429", retry_after=7)         # is queued behind them
        endpoint.behave(expires_in=5, delay=0.5)    # from now on, and nothing is queued any more
        endpoint.next(403, on="api")                # the next API call
        endpoint.next("stall-handshake")            # the next connection
        endpoint.normal()
        endpoint.register("other", "private_key_jwt", algorithm="ES256", public_key=PATH)
        endpoint.wait_for_requests(4, timeout=10)
        assert endpoint.token_requests[0].decision == "correct"

As a program: `standin.py --directory DIR` prints `ready https://localhost:PORT/oauth2/v1/token` as
soon as it accepts, and ends at SIGTERM or SIGINT. DIR then has ca.pem, the log requests.jsonl (one
JSON object a request) and control.sock, over which it is commanded:

    ctl() { curl -sS --fail-with-body --unix-socket DIR/control.sock "http://standin/$@"; }
    ctl next -d '{"what": "500", "count": 3}'
    ctl behave -d '{"what": "429", "retry_after": 7}'
    ctl normal -X POST
    ctl revoke-all -X POST                          # prints how many tokens were good until now
    ctl certificate -d '{"kind": "expired"}'        # for new connections; also at start
    ctl register -d '{"client_id": "other", "method": "private_key_jwt", "jwks": "PATH"}'
    ctl describe -X POST                            # says what it is, as OpenID Connect has it
    ctl 'count?on=token'                            # prints how many requests there were
    ctl 'wait?on=token&n=4&timeout=10'              # the same, once there are 4; else status 504

That is a Unix socket rather than a port, because its name is known before it exists, and because
the directory's mode says who may command.
"""

import argparse
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import certificates
from behaviour import ON, Behaviour, behaviour
from control import Control
from http_message import Answer, Malformed, read_request
from issuer import Issuer, Verdict, unexpected
from listener import Listener
from registration import Registration
from sending import CUT_ANSWERS, dress, say_goodbye, status_of

TOKEN_PATH = "/oauth2/v1/token"
API_PREFIX = "/v1/"
SCOPE = "athena/service/Athenanet.MDP.*"
CLIENT_ID = "0oa-standin-client"
CLIENT_SECRET = "standin-secret/with+some=special&characters"
EXPIRES_IN = 3600


@dataclass
class Record:
    """One request, or a connection that came to none. Times are time.monotonic()."""

    number: int
    time: float             # when it was there, whole
    on: str                 # "token", "api", "look", "metadata", "other", "connection"
    method: str
    target: str
    version: str
    headers: list
    body: str
    client_id: str
    decision: str           # "correct", "wrong credentials", ..., "unexpected: why"
    behaviour: str          # what it was told to do with it
    status: int | None      # of the answer, if one was meant to be sent
    ended: float | None = None  # when its answer began, or it ended without one

    def header(self, name):
        """The value of a header, None if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Standin:
    def __init__(self, directory, port=0, credentials=None, scopes=(SCOPE,), basic_encoding="raw",
                 expires_in=EXPIRES_IN, certificate="good"):
        """CREDENTIALS: {client_id: secret}. SCOPES: those that are granted; "": none is asked for.
        BASIC_ENCODING: "raw" or "rfc6749". CERTIFICATE: a kind of certificates.KINDS."""
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.credentials = credentials or {CLIENT_ID: CLIENT_SECRET}
        self.client_id, self.client_secret = next(iter(self.credentials.items()))
        self.port = port
        self._changed = threading.Condition()   # guards what follows
        self._issuer = Issuer(self.credentials, scopes, basic_encoding, expires_in)
        self._records = []
        self._queued = {on: [] for on in ON}
        self._standing = {on: Behaviour(on=on) for on in self._queued}
        self._log = None
        self._listener = None
        self._certificate = certificate
        self._tls_version = None                # the only one that there is; None: from 1.2 on
        self._client_anchors = []               # what certificates of clients are verified by
        self.ca_file = certificates.make_authority(self.directory)
        self.use_certificate(certificate)

    # Start and stop. Stopped and started again, it has the same port, log and tokens.

    def start(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self._log = open(self.directory / "requests.jsonl", "a", buffering=1, encoding="ascii")
        self._listener = Listener(sock, self._serve)

    def stop(self):
        if not self._listener:
            return
        self._listener.stop()
        with self._changed:
            self._listener = None
            self._changed.notify_all()
        self._log.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    @property
    def base_url(self):
        return f"https://localhost:{self.port}"

    @property
    def token_url(self):
        return self.base_url + TOKEN_PATH

    def use_certificate(self, kind):
        """For connections from now on: "good", "expired", "wrong-host", "untrusted"."""
        if kind not in certificates.KINDS:
            raise ValueError(f"kind: there is no certificate {kind!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._tls_version:
            context.minimum_version = context.maximum_version = self._tls_version
        context.load_cert_chain(*certificates.make_leaf(self.directory, kind))
        if self._client_anchors:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            for anchor in self._client_anchors:
                context.load_verify_locations(anchor)
        self._certificate = kind
        self._tls = context

    def only_tls(self, version):
        """From now on it speaks "TLSv1_2" or "TLSv1_3" alone."""
        self._tls_version = ssl.TLSVersion[version]
        self.use_certificate(self._certificate)

    def describe(self, target="/.well-known/openid-configuration", **members):
        """From now on it says there what it is; MEMBERS over its own, None: leave this one out."""
        said = {"issuer": self.base_url, "token_endpoint": self.token_url,
                "grant_types_supported": ["client_credentials"]} | members
        with self._changed:
            self._issuer.documents[target] = json.dumps(
                {name: value for name, value in said.items() if value is not None})

    def allow(self, *parameters):
        """From now on a form may have these, of any value."""
        with self._changed:
            self._issuer.more_parameters |= set(parameters)

    def register(self, client_id, method, **registered):
        """From now on that client authenticates by METHOD; REGISTERED: as of a Registration. An
        audience that is not given is the token URL."""
        registered.setdefault("audience", self.token_url)
        registration = Registration(method, **registered)
        if registration.certificate:
            self._client_anchors.append(registration.certificate
                                        if method == "self_signed_tls_client_auth"
                                        else self.ca_file)
            self.use_certificate(self._certificate)
        with self._changed:
            self._issuer.registrations[client_id] = registration

    # What it is to do.

    def next(self, what="normal", count=1, **changes):
        """The next COUNT requests (calls, connections) get this, after what is queued already."""
        if type(count) is not int or count < 1:
            raise ValueError(f"count: {count!r} is no number from 1")
        told = behaviour(what, **changes)
        with self._changed:
            self._queued[told.on] += [told] * count

    def behave(self, what="normal", **changes):
        """From now on all get this; what is queued for them is forgotten."""
        told = behaviour(what, **changes)
        with self._changed:
            self._queued[told.on].clear()
            self._standing[told.on] = told

    def normal(self):
        """From now on all is as it should be."""
        for on in self._queued:
            self.behave(on=on)

    def revoke_all(self):
        """No token that was issued until now is good for the API any more. How many were."""
        with self._changed:
            return self._issuer.revoke_all()

    # What has happened.

    def records(self, *on):
        with self._changed:
            return [each for each in self._records if each.on in on]

    @property
    def requests(self):
        """Every request, in the order in which they came."""
        return self.records("token", "api", "look", "metadata", "other")

    @property
    def token_requests(self):
        return self.records("token")

    @property
    def api_requests(self):
        return self.records("api")

    @property
    def unexpected(self):
        """The requests that no good client sends."""
        return [each for each in self.requests if each.decision.startswith("unexpected")]

    @property
    def tokens(self):
        """Every token that was issued, the oldest first."""
        with self._changed:
            return list(self._issuer.tokens)

    def most_within(self, seconds, on="token"):
        """The most requests that came in any span of that many seconds."""
        times = [each.time for each in self.records(on)]
        return max((sum(start <= t < start + seconds for t in times) for start in times), default=0)

    def most_at_once(self, on="token"):
        """The most requests that were there and not yet answered at any moment."""
        records = self.records(on)
        return max((sum(other.time <= each.time and (other.ended or each.time) >= each.time
                        for other in records) for each in records), default=0)

    def wait_for_requests(self, n, timeout, on="token", ended=False):
        """Until there were N of them since the start (ENDED: that are answered, or over); how many
        there are. TimeoutError, also when it is stopped meanwhile."""
        def count():
            return sum(not ended or each.ended is not None for each in self.records(on))

        with self._changed:
            self._changed.wait_for(lambda: count() >= n or not self._listener, timeout)
            if count() < n:
                raise TimeoutError(f"{count()} of {n} requests ({on}) came within {timeout} s")
            return count()

    # One connection.

    def _serve(self, connection):
        with self._changed:
            told = self._take("connection")
        if told.delay and not connection.wait(told.delay):
            return
        if told.cut:
            record = self._record("connection", None, Verdict("not let in"), told, None)
            self._cut(connection, told.cut, None, record)
            return
        try:
            connection.socket = self._tls.wrap_socket(connection.socket, server_side=True,
                                                      do_handshake_on_connect=False)
            connection.socket.do_handshake()
        except OSError as error:
            why = getattr(error, "reason", None) or error.strerror
            self._record("connection", None, Verdict(f"no handshake: {why}"), told, None)
            connection.close()  # not by RST, which may overtake the alert
            return
        self._serve_request(connection)

    def _serve_request(self, connection):
        malformed = None
        try:
            request = read_request(connection.socket.recv)
        except Malformed as why:
            request, malformed = why.came, unexpected(str(why))
        except OSError:
            request = None
        if request is None:
            self._record("connection", None, Verdict("no request"), Behaviour(), None)
            return
        if not malformed:
            request.certificate = connection.socket.getpeercert(binary_form=True)
        on = "other" if malformed else route(request)
        with self._changed:
            verdict = malformed or self._judge(on, request)
            told = self._take(on)
            answer = self._answer(verdict, told, request)
            status = None if told.cut in ("reset", "close", "stall") else answer.status
            record = self._record(on, request, verdict, told, status)
        if told.delay and not connection.wait(told.delay):
            self._end(record)
            return
        self._cut(connection, told.cut, answer, record)

    def _judge(self, on, request):
        if on == "token":
            return self._issuer.judge(request)
        if on == "api":
            return self._issuer.judge_call(request)
        if on == "look":
            return judge_look(request)
        if on == "metadata":
            return self._issuer.judge_metadata(request)
        return unexpected(f"there is no {request.target}")

    def _take(self, on):
        if on == "other":
            return Behaviour()
        return self._queued[on].pop(0) if self._queued[on] else self._standing[on]

    def _record(self, on, request, verdict, told, status):
        if isinstance(request, bytes) or request is None:
            message = "", "", "", [], (request or b"").decode("latin-1")
        else:
            message = (request.method, request.target, request.version, request.headers,
                       request.body.decode("latin-1"))
        with self._changed:
            record = Record(len(self._records) + 1, time.monotonic(), on, *message,
                            verdict.client_id, verdict.decision, str(told), status)
            self._records.append(record)
            self._log.write(json.dumps(asdict(record)) + "\n")
            self._changed.notify_all()
        return record

    def _end(self, record):
        with self._changed:
            record.ended = time.monotonic()
            self._changed.notify_all()

    # Answers.

    def _answer(self, verdict, told, request):
        def fill(text):
            def escaped(value):
                return json.dumps(value)[1:-1]
            if "@TOKEN@" in text:
                token = self._issuer.issue(verdict.client_id, verdict.scope)
                text = text.replace("@TOKEN@", token)
            authorization = "" if isinstance(request, bytes) else request.one("Authorization") or ""
            text = text.replace("@CLIENT_ID@", escaped(verdict.client_id))
            text = text.replace("@SECRET@", escaped(verdict.secret))
            text = text.replace("@AUTHORIZATION@", escaped(authorization))
            return text.encode(errors="surrogateescape")

        if told.raw is not None:
            return Answer(status_of(told.raw), raw=fill(told.raw))
        if told.body is not None:
            answer = Answer(200, fill(told.body), {"Content-Type": "application/json"})
        elif verdict.answer:
            answer = Answer(**vars(verdict.answer))
        else:
            answer = Answer.json(200, self._issuer.grant(verdict, told.granted_members(),
                                                         told.same_token))
        dress(answer, told)
        return answer

    def _cut(self, connection, cut, answer, record):
        """Sends ANSWER, and ends the connection, as CUT says."""
        send = connection.socket.sendall
        if cut == "stall":
            connection.wait()
        if cut in ("stall", "reset", "close"):
            self._end(record)
            return connection.reset() if cut == "reset" else connection.close()
        if cut is None:
            self._end(record)
            send(answer.render())
            return say_goodbye(connection)
        try:
            CUT_ANSWERS[cut](connection, answer, send)
        finally:
            self._end(record)
        return connection.close()


def judge_look(request):
    """Nothing in it may be a secret."""
    if request.all("Authorization") or request.all("Cookie") or request.body:
        return unexpected("a look with credentials or a body")
    return Verdict("correct", Answer(405, b"", {"Allow": "POST"}))


def route(request):
    is_metadata = "/.well-known/" in request.target
    if request.method == "HEAD" and (is_metadata or request.target == TOKEN_PATH):
        return "look"
    if request.target == TOKEN_PATH:
        return "token"
    if is_metadata:
        return "metadata"
    return "api" if request.target.startswith(API_PREFIX) else "other"


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", required=True, help="is made if need be, mode 0700")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--client-id", action="append", default=[], help="may be there repeatedly")
    parser.add_argument("--client-secret", action="append", default=[], help="one for each id")
    parser.add_argument("--scope", action="append", help=f"that is granted; by default {SCOPE}")
    parser.add_argument("--basic-encoding", choices=("raw", "rfc6749"), default="raw")
    parser.add_argument("--expires-in", type=int, default=EXPIRES_IN, help="by default %(default)s")
    parser.add_argument("--certificate", choices=certificates.KINDS, default="good")
    arguments = parser.parse_args()
    if len(arguments.client_id) != len(arguments.client_secret):
        parser.error("as many --client-secret as --client-id are needed")
    return arguments


def main():
    arguments = parse_arguments()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    os.umask(0o077)
    endpoint = Standin(arguments.directory, arguments.port,
                       dict(zip(arguments.client_id, arguments.client_secret)),
                       arguments.scope or (SCOPE,), arguments.basic_encoding,
                       arguments.expires_in, arguments.certificate)
    with endpoint:
        control = Control(endpoint)
        print(f"ready {endpoint.token_url}", flush=True)
        signal.sigwait(ends)
    control.stop()


if __name__ == "__main__":
    sys.exit(main())
