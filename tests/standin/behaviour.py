# SPDX-License-Identifier: MIT
"""behaviour - what the stand-in is told to do with a request, instead of the right thing.

A Behaviour is a value: which kind of thing it is `on`, what it changes in the answer, when the
answer comes and how it ends. PRESETS are the ones that have a name. A preset and further fields
go together: `behaviour("429", retry_after=5, delay=2)`.
"""

import json
from dataclasses import MISSING, dataclass, field, fields

ON = ("token", "api", "look", "metadata", "connection")

# How an answer ends, if not well.
CUTS = (
    "reset",            # RST, without an answer
    "close",            # FIN, without an answer
    "stall",            # no answer, until the client goes
    "truncated",        # Content-Length says more than is sent, then FIN
    "stall-body",       # half of the body, then nothing until the client goes
    "drip",             # ten bytes a second: slow, but never quite silent
    "endless-headers",  # one header after the other, until the client goes
    "endless-body",     # a body without Content-Length, until the client goes
)
CONNECTION_CUTS = ("reset", "close", "stall")

ABSENT = "absent"


@dataclass(frozen=True)
class Behaviour:
    # What it is for: requests for a token, calls of the API, looks at the endpoint (HEAD), looks at
    # what it says of itself (metadata), or connections before their handshake.
    on: str = "token"

    # What is answered. Each replaces its part of the right answer, the others stay. In body and
    # raw, @TOKEN@ becomes a new token, and @CLIENT_ID@, @SECRET@ and @AUTHORIZATION@ what the
    # client sent, all escaped as in a JSON string. Lone surrogates stand for bytes: "\udcff".
    status: int = None
    headers: dict = field(default_factory=dict)  # None as a value: leave this one out
    body: str = None
    raw: str = None                 # the whole answer, status line and all
    retry_after: int | str = None   # seconds, or literally so
    retry_after_date: float = None  # a date that many seconds from now
    size: int = None                # the body is padded with spaces to this many bytes

    # What a granted token looks like. Members are raw JSON texts ('"3600"', '1e9'), None: absent.
    expires_in: int | str = None    # short for that member; or ABSENT
    members: dict = field(default_factory=dict)
    same_token: bool = False        # the last one again, with the life that it has left

    # When and how.
    delay: float = 0                # seconds, before all else
    cut: str = None

    def __post_init__(self):
        check(self.on in ON, "on", self.on)
        check(self.cut is None or self.cut in CUTS, "cut", self.cut)
        check(self.status is None or (type(self.status) is int and 100 <= self.status <= 599),
              "status", self.status)
        check(type(self.delay) in (int, float) and self.delay >= 0, "delay", self.delay)
        for name in ("headers", "members"):
            check(isinstance(getattr(self, name), dict), name, getattr(self, name))
        for name in ("body", "raw"):
            check(isinstance(getattr(self, name), str | None), name, getattr(self, name))
        if self.on == "connection":
            check(self.cut is None or self.cut in CONNECTION_CUTS, "cut on a connection", self.cut)
            wrong = self.changed() - {"on", "cut", "delay"}
            check(not wrong, "on a connection", ", ".join(sorted(wrong)))

    def changed(self):
        """The names of the fields that are not as they are by default."""
        return {each.name for each in fields(self) if getattr(self, each.name) != default(each)}

    def granted_members(self):
        """The members to override, as raw JSON texts."""
        if self.expires_in is None:
            return self.members
        literal = None if self.expires_in == ABSENT else str(self.expires_in)
        return {**self.members, "expires_in": literal}

    def __str__(self):
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in
                         sorted(self.changed())) or "normal"


def default(of):
    return of.default if of.default is not MISSING else of.default_factory()


def check(condition, what, value):
    if not condition:
        raise ValueError(f"{what}: {value!r} is none that the stand-in knows")


def error(status, code, description=None):
    body = {"error": code}
    if description:
        body["error_description"] = description
    return {"status": status, "body": json.dumps(body)}


def gateway_error(status, code, message):
    return {"status": status, "body": json.dumps({"error": code, "detailedmessage": message})}


HTML = """\
<!DOCTYPE html>
<html><head><title>{0}</title></head><body><h1>{0}</h1><p>The server is "busy".</p></body></html>
"""


def page(status, title):
    return {"status": status, "body": HTML.format(title),
            "headers": {"Content-Type": "text/html; charset=utf-8"}}


def empty(status):
    return {"status": status, "body": "", "headers": {"Content-Type": None}}


INVALID_CLIENT = error(401, "invalid_client", "Client authentication failed. Either the client or "
                       "the client credentials are invalid.")
INVALID_SCOPE = error(400, "invalid_scope", "One or more scopes are not configured for the "
                      "authorization server resource.")

PRESETS = {
    "normal": {},
    "400": error(400, "invalid_request", "The request is missing a required parameter."),
    "invalid-scope": INVALID_SCOPE,
    "401": INVALID_CLIENT,
    "401-empty": empty(401),
    "echo-secret": error(401, "invalid_client",
                         "@CLIENT_ID@ with @SECRET@ (@AUTHORIZATION@) is not known"),
    "403": error(403, "access_denied", "The client is not allowed to have this scope."),
    "403-empty": empty(403),
    "408": empty(408),
    "429": gateway_error(429, "Too Many Requests", "Quota of the minute exceeded"),
    "500": error(500, "server_error", "The authorization server met an unexpected condition."),
    "500-detailed": gateway_error(500, "Internal Server Error", "An internal error occurred"),
    "500-html": page(500, "Internal Server Error"),
    "500-empty": empty(500),
    "503": page(503, "Service Unavailable"),
    "302": {"status": 302, "body": "", "headers": {"Location": "/oauth2/v1/elsewhere",
                                                   "Content-Type": None}},
    "oversized": {"size": 100 * 1024},
    "same-token": {"same_token": True},
    "stall-handshake": {"on": "connection", "cut": "stall"},
    **{cut: {"cut": cut} for cut in CUTS},
}


def behaviour(what="normal", **changes):
    """The preset WHAT (a name, or a status as a number) with CHANGES. ValueError, TypeError."""
    name = str(what)
    check(name in PRESETS, "what", name)
    return Behaviour(**{**PRESETS[name], **changes})
