# SPDX-License-Identifier: MIT
"""What the bindings add to their language's HTTP client: the token, and one renewal after a 401. It is
the library requests for Python, fetch() for Node, Guzzle and Laravel's client for PHP, and
http.RoundTripper for Go."""

import subprocess
import time

import peers
import pytest
from api import Api
from languages import CLIENT, LANGUAGES, good
from pace import FAST, SPACING

NONE = (lambda token: True)
TOKEN = peers.TOKEN["access_token"]
SOON = 15           # seconds: less than is waited by default


@pytest.fixture(name="api")
def an_api():
    with Api() as api:
        yield api


@pytest.fixture(name="caller")
def a_caller(broker, driver):
    """A driver whose token may be renewed."""
    bearerd = broker(**FAST)
    bearerd.wait_for_log("granted")
    time.sleep(SPACING)
    return driver(bearerd.socket)


def test_a_call_has_the_token(api, caller, endpoint):
    for _ in range(3):
        assert good(caller("call", method="GET", url=api.url + "/a?b=c")) == \
            {"status": 200, "body": "text"}
    assert {(call.method, call.path, call.token) for call in api.calls} == \
        {("GET", "/a?b=c", endpoint.tokens[0])}
    assert len(api.calls) == 3


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", "a body")])
def test_a_401_is_handled_once(api, caller, endpoint, method, body):
    api.refuses = lambda token: token == endpoint.tokens[0]
    answer = good(caller("call", method=method, url=api.url, body=body))
    assert answer == {"status": 200, "body": "text"}
    assert api.tokens == endpoint.tokens and len(endpoint.tokens) == 2
    assert [call.body for call in api.calls] == [body or ""] * 2


@pytest.mark.parametrize("language", ["python"])
def test_a_file_is_sent_again(api, caller, endpoint):
    api.refuses = lambda token: token == endpoint.tokens[0]
    good(caller("call", method="POST", url=api.url, body="a file", file=True))
    assert [call.body for call in api.calls] == ["a file"] * 2
    assert api.tokens == endpoint.tokens


def test_a_401_that_stays_is_the_answer(api, caller, endpoint):
    api.refuses = NONE
    assert good(caller("call", method="GET", url=api.url))["status"] == 401
    assert api.tokens == endpoint.tokens and len(endpoint.tokens) == 2
    # Now it is fresh.
    assert good(caller("call", method="GET", url=api.url))["status"] == 401
    assert api.tokens == [*endpoint.tokens, endpoint.tokens[1]] and len(endpoint.tokens) == 2


def test_a_body_that_cannot_be_had_again_is_not_sent_again(api, caller, endpoint):
    api.refuses = NONE
    answer = good(caller("call", method="POST", url=api.url, body="a stream", stream=True))
    assert answer["status"] == 401
    assert [call.body for call in api.calls] == ["a stream"] and len(endpoint.tokens) == 1


def test_other_statuses_are_not_handled(api, caller, endpoint):
    good(caller("call", method="GET", url=f"{api.url}/to?{api.url}/there"))
    assert [(call.path[:4], call.token) for call in api.calls] == \
        [("/to?", endpoint.tokens[0]), ("/the", endpoint.tokens[0])]
    assert len(endpoint.tokens) == 1


@pytest.mark.parametrize("language, within", [(each, None) for each in LANGUAGES] + [("php", True)])
@pytest.mark.parametrize("refuses", [NONE, lambda token: False])
def test_another_host_does_not_get_the_token(api, caller, within, refuses):
    with Api(refuses) as other:
        good(caller("call", method="GET", url=f"{api.url}/to?{other.url}/there", within=within))
        assert other.calls and set(other.tokens) == {None}


@pytest.mark.parametrize("version, says", [
    ("17.9.1", "refused"), ("18.13.0", "refused"), ("18.14.0", "ENOENT"), ("19.3.0", "refused"),
    ("19.4.0", "ENOENT"), ("20.0.0", "ENOENT")])
def test_a_node_that_would_send_it_there_is_refused(version, says):
    program = f"""
Object.defineProperty(process, 'versions', {{value: {{...process.versions, node: '{version}'}}}});
const {{Bearer}} = require('./bearer.js');
new Bearer({{socket: '/nowhere'}}).fetch('http://localhost/').catch(error =>
  console.log(error.code ?? (error.message.includes('{version}') && 'refused')));
"""
    done = subprocess.run(["node", "-e", program], check=True, cwd=CLIENT / "node", timeout=60,
                          capture_output=True, text=True)
    assert done.stdout == says + "\n"


@pytest.mark.parametrize("language", ["php"])
def test_laravel(api, caller, endpoint):
    api.refuses = lambda token: token == endpoint.tokens[0]
    assert good(caller("call_laravel", base=api.url, path="/a")) == {"status": 200, "body": "text"}
    assert [(call.path, call.token) for call in api.calls] == \
        [("/a", token) for token in endpoint.tokens]


@pytest.mark.parametrize("language, more", [(each, {}) for each in LANGUAGES]
                         + [("node", {"request": True})])
@pytest.mark.parametrize("sent", [[], [TOKEN]], ids=["first", "renewal"])
def test_a_token_is_waited_for_no_longer_than_the_call_may_take(api, peer, language, driver, more, sent):
    def serve(at, connection):
        is_answered = len(at.requests) < len(sent)
        (peers.sends(peers.token()) if is_answered else peers.is_silent)(at, connection)

    api.refuses = NONE
    answer, seconds = driver(peer(serve).path).timed("call", method="GET", url=api.url, timeout=3,
                                                     **more)
    assert answer["error"] == ("TimeoutError" if language == "node" else "Timeout")
    assert seconds < SOON and api.tokens == sent


@pytest.mark.parametrize("language", ["node", "php", "go"])
def test_what_the_token_takes_is_of_the_time_of_the_call(api, peer, driver):
    def serve(at, connection):
        time.sleep(5)
        peers.sends(peers.token())(at, connection)

    api.refuses = lambda token: time.sleep(20)
    answer, seconds = driver(peer(serve).path).timed("call", method="GET", url=api.url, timeout=8)
    assert "error" in answer and api.tokens == [TOKEN] and 7.9 < seconds < 12


def test_without_a_token_there_is_no_call(api, broker, driver, endpoint):
    endpoint.behave(401)
    answer = driver(broker().socket)("call", method="GET", url=api.url)
    assert answer["error"] == "Denied" and api.calls == []
