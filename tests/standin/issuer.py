# SPDX-License-Identifier: MIT
"""issuer - who may have a token, and which tokens there are.

Judges requests as strictly as the real endpoint, and in doubt more strictly: what a client of
athenahealth would not send is "unexpected". Owns the tokens. Its caller holds the lock.
"""

import base64
import binascii
import json
import os
import re
import time
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from behaviour import INVALID_CLIENT, INVALID_SCOPE, error
from http_message import Answer
from registration import GRANTS, Unexpected, Wrong, issuer_of, require, scope_of

FORM_VALUE = re.compile(r"(?:[A-Za-z0-9*._~+-]|%[0-9A-Fa-f]{2})*")
FORM_BODY = re.compile(r"[!-~]*")
BASIC = re.compile(r"Basic ([A-Za-z0-9+/]+=*)")
BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]+=*)")


@dataclass
class Verdict:
    decision: str           # "correct", "wrong credentials", ..., "unexpected: why"
    answer: Answer = None   # None: to be granted
    client_id: str = ""
    secret: str = ""
    scope: str = ""


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def preset_answer(preset):
    return Answer.json(preset["status"], preset["body"])


def unexpected(why):
    return Verdict(f"unexpected: {why}", preset_answer(error(400, "invalid_request", why)))


class Issuer:
    def __init__(self, credentials, scopes, basic_encoding, expires_in):
        self.credentials = dict(credentials)
        self.scopes = tuple(scopes)
        self.documents = {}     # target -> what is said there
        self.more_parameters = set()    # that a form may have besides
        self.registrations = {}     # client_id -> Registration: those who do not use Basic
        self.basic_encoding = basic_encoding
        self.expires_in = expires_in
        self.tokens = {}    # every one that was issued, and until when it is good (monotonic)
        self.last = None

    # Requests for a token.

    def judge(self, request):
        """CERTIFICATE of REQUEST is the client's, in DER, that TLS has verified; or None."""
        wrong = None
        try:
            self.require_form(request)
            form = self.form(request)
            client_id = self.registered(form)
            if client_id is None:
                client_id, secret = self.basic(request)
                wrong = None if self.credentials.get(client_id) == secret else "credentials"
            else:
                secret = next((form[name] for name in ("client_secret", "client_assertion", "assertion")
                               if name in form), "")
                wrong = self.check_registered(client_id, form, request)
            scope = self.form_scope(form, client_id)
        except Unexpected as why:
            return unexpected(str(why))
        verdict = Verdict("correct", None, client_id, secret, scope)
        if wrong:
            verdict.decision = f"wrong {wrong}"
            verdict.answer = preset_answer(INVALID_CLIENT)
        elif scope not in self.scopes:
            verdict.decision, verdict.answer = "wrong scope", preset_answer(INVALID_SCOPE)
        return verdict

    def registered(self, form):
        """The client that the form is of, if it has registered another way than Basic."""
        client_id = form.get("client_id") or issuer_of(form)
        return client_id if client_id in self.registrations else None

    def check_registered(self, client_id, form, request):
        """None, or what is wrong."""
        registration = self.registrations[client_id]
        require(not request.all("Authorization"), "there is an Authorization besides")
        missing = registration.parameters() - form.keys()
        require(not missing, "parameters are missing: " + ", ".join(sorted(missing)))
        try:
            registration.check(client_id, form, request.certificate)
        except Wrong as why:
            return str(why)
        return None

    @staticmethod
    def require_form(request):
        require(request.method == "POST", f"the method is {request.method}")
        require(request.version == "HTTP/1.1", f"the version is {request.version}")
        require(request.one("Host"), "there is no Host")
        require(request.one("Content-Type") == "application/x-www-form-urlencoded",
                "Content-Type is not application/x-www-form-urlencoded")
        require(request.one("Content-Length"), "there is no Content-Length")
        accept = request.one("Accept") or ""
        require("application/json" in accept or "*/*" in accept, "JSON is not accepted")
        for name in ("Cookie", "Expect", "Referer"):
            require(not request.all(name), f"there is a header {name}")

    def basic(self, request):
        match = BASIC.fullmatch(request.one("Authorization") or "")
        require(match, "Authorization is not Basic")
        try:
            pair = base64.b64decode(match[1], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Unexpected("the Basic credentials are not base64 of UTF-8") from None
        require(":" in pair, "there is no colon in the Basic credentials")
        client_id, _, secret = pair.partition(":")
        if self.basic_encoding == "raw":
            return client_id, secret
        require(FORM_VALUE.fullmatch(client_id) and FORM_VALUE.fullmatch(secret),
                "the Basic credentials are not form-urlencoded (RFC 6749 2.3.1)")
        return unquote_plus(client_id), unquote_plus(secret)

    @staticmethod
    def form(request):
        text = request.body.decode("latin-1")
        require(FORM_BODY.fullmatch(text), "the body is no form")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise Unexpected("the body is no form") from None
        form = dict(pairs)
        repeated = [name for name, _ in pairs if name == "resource"][1:]    # RFC 8707 2
        require(len(form) == len(pairs) - len(repeated), "a parameter is there twice")
        return form

    def form_scope(self, form, client_id):
        registration = self.registrations.get(client_id)
        method = registration.method if registration else "basic"
        grant = GRANTS.get(method, "client_credentials")
        require(form.get("grant_type") == grant, f"grant_type is not {grant}")
        own = registration.parameters() if registration else set()
        others = form.keys() - {"grant_type", "scope"} - self.more_parameters - own
        require(not others, "there are other parameters: " + ", ".join(sorted(others)))
        if method == "jwt_bearer":
            require("scope" not in form, "there is a scope besides the one that is signed")
            return scope_of(form)
        require("scope" in form or "" in self.scopes, "there is no scope")
        return form.get("scope", "")

    # Tokens.

    def issue(self, client_id, scope, life=None):
        """A new token, good for LIFE seconds, that looks like a real one."""
        life = self.expires_in if life is None else life
        issued = int(time.time())
        header = {"kid": base64url(os.urandom(32)), "alg": "RS256"}
        claims = {
            "ver": 1, "jti": f"AT.{uuid.uuid4()}", "iss": "https://athena.okta.com/oauth2/standin",
            "aud": "https://api.platform.athenahealth.com", "iat": issued,
            "exp": issued + int(life), "cid": client_id, "scp": [scope], "sub": client_id,
        }
        parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
        token = ".".join(map(base64url, [*parts, os.urandom(256)]))
        self.tokens[token] = time.monotonic() + life
        self.last = token
        return token

    def grant(self, verdict, members, same_token):
        """The body of a right answer, with MEMBERS as raw JSON texts over its own."""
        if same_token and self.last:
            token, life = self.last, max(0, int(self.tokens[self.last] - time.monotonic()))
        else:
            life = life_of(members.get("expires_in"), self.expires_in)
            token = self.issue(verdict.client_id, verdict.scope, life)
        texts = {"access_token": json.dumps(token), "token_type": '"Bearer"',
                 "expires_in": str(life), **members}
        return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items()
                              if text is not None) + "}"

    def revoke_all(self):
        """How many tokens are good no longer."""
        now = time.monotonic()
        good = [token for token, until in self.tokens.items() if until > now]
        self.tokens.update(dict.fromkeys(good, now))
        return len(good)

    # What it says of itself.

    def judge_metadata(self, request):
        try:
            require(request.method == "GET", f"the method is {request.method}")
            require(not request.body, "there is a body")
            require("application/json" in (request.one("Accept") or ""), "JSON is not accepted")
            for name in ("Authorization", "Cookie", "Content-Type"):
                require(not request.all(name), f"there is a header {name}")
        except Unexpected as why:
            return unexpected(str(why))
        if request.target not in self.documents:
            return Verdict("no document", preset_answer(error(404, "not_found")))
        return Verdict("correct", Answer.json(200, self.documents[request.target]))

    # Calls of the API.

    def judge_call(self, request):
        if request.method != "GET":
            return unexpected(f"the method is {request.method}")
        match = BEARER.fullmatch(request.one("Authorization") or "")
        if not match:
            return Verdict("no bearer token", preset_answer(error(401, "Unauthorized")))
        until = self.tokens.get(match[1])
        if until is None:
            return Verdict("unknown token", preset_answer(error(401, "Unauthorized")))
        if until <= time.monotonic():
            return Verdict("dead token", preset_answer(error(401, "Unauthorized")))
        return Verdict("correct", Answer.json(200, '{"pong":"true"}'))


def life_of(literal, otherwise):
    """How long a token lives whose expires_in is LITERAL: as told, where that is a number."""
    try:
        return min(max(0.0, float((literal or "").strip('"'))), 1e9)
    except ValueError:
        return otherwise
