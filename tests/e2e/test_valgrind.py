# SPDX-License-Identifier: MIT
"""A whole life of bearerd, and of each bearerd-fetch that it starts, as valgrind sees it: nothing
is read that was never written, and at the end all memory has been given back, by the libraries
too, and nothing is open but what it was started with. (The sanitizers see less of this: memory that
is still pointed to is no leak to them, and they look neither at descriptors nor into libraries.)

Not for a build with sanitizers.
"""

import re
import signal
import socket

import pytest
from account import needs_root
from activation import activate
from eventstream import EventStream
from pace import SLOW
from test_credential_socket import is_refusal
from unit import Unit

pytestmark = needs_root     # for the credential socket

KEYS = {"requests_per_minute": 600, "min_renewal_interval": "100ms", "connect_timeout": "60s",
        "timeout": "60s"}

VALGRIND = ["/usr/bin/valgrind", "--trace-children=yes", "--leak-check=full",
            "--show-leak-kinds=all", "--errors-for-leak-kinds=all", "--track-fds=yes", "--error-exitcode=99"]


class Report:
    """What valgrind says of one process."""

    def __init__(self, path):
        self.text = path.read_text()
        self.program = re.search(r"^==\d+== Command: (\S+)", self.text, re.M)[1].rsplit("/", 1)[-1]
        # A description goes on in the lines behind it, up to an empty one.
        said = re.sub(r"^==\d+== ?", "", self.text, flags=re.M)
        self.descriptors = re.findall(r"^Open (?:file descriptor|AF_\S+ socket) \d+:.*?(?:\n\n|\Z)",
                                      said, re.M | re.S)

    @property
    def is_whole(self):
        return "ERROR SUMMARY" in self.text

    @property
    def is_clean(self):
        return ("ERROR SUMMARY: 0 errors" in self.text
                and "All heap blocks were freed -- no leaks are possible" in self.text)

    @property
    def left_open(self):
        return [each for each in self.descriptors if "<inherited from parent>" not in each]


@pytest.fixture(name="watched")
def a_watched_bearerd(broker, endpoint, tmp_path):
    """With two tokens, the credential socket, and valgrind."""
    endpoint.behave(expires_in=3600)
    one = broker(start=False, tokens={"athena": {"default": "yes"}, "other": {}},
                 **KEYS)
    one.credential_socket = one.directory / "credential.sock"
    activate(one, (one.credential_socket, "credential", "SOCK_STREAM"),
             (one.socket, "token", "SOCK_STREAM"))
    one.wrapper += [*VALGRIND, f"--log-file={tmp_path}/valgrind.%p"]
    one.reports = lambda: [Report(path) for path in sorted(tmp_path.glob("valgrind.*"))]
    one.write_config()
    one.launch()
    one.wait_for_notify(lambda messages: any(each.get("READY") == "1" for each in messages),
                        "READY=1", SLOW)
    return one


def ask_for_all_kinds(bearerd, endpoint):
    for name in ("athena", "other"):
        answered = bearerd.get(f"/v1/tokens/{name}?wait=60")
        assert answered.body["access_token"] in endpoint.tokens
    with bearerd.connect() as kept:
        for path, status in (("/v1/token/header", 200), ("/v1/tokens", 200), ("/nowhere", 404),
                             ("/v1/tokens/none", 404), ("/v1/token?wait=x", 400)):
            assert kept.get(path).status == status
    assert Unit(bearerd, credential="other").read() in endpoint.tokens


def follow_each(bearerd):
    """Two streams of events; a third one ends at once."""
    streams = [EventStream(bearerd.socket, f"/v1/tokens/{name}/events")
               for name in ("athena", "other", "athena")]
    assert all(stream.event() for stream in streams)
    streams.pop().close()
    return streams


def reload(bearerd, is_right):
    bearerd.write_config()
    seen = len(bearerd.notify)
    bearerd.signal(signal.SIGHUP)

    def is_done(messages):
        return any(each.get("READY") == "1" for each in messages[seen:])

    bearerd.wait_for_notify(is_done, "READY=1", SLOW)
    bearerd.wait_for_log("configuration reloaded" if is_right else "stays in force", SLOW)


def reload_wrong_and_right(bearerd, endpoint):
    """From then on a fetch is in flight for each token: a reload renews what there is, too."""
    bearerd.config["token athena"]["floor"] = "no time"
    reload(bearerd, False)
    bearerd.config["token athena"]["floor"] = "30s"
    del bearerd.config["token other"]
    bearerd.add_token("third", **KEYS)
    bearerd.config["token athena"]["allow_users"] = "root"
    endpoint.behave("stall")
    reload(bearerd, True)
    endpoint.wait_for_requests(4, SLOW)


def wait_for_what_does_not_come(bearerd):
    """All who can be there at the end. One leaves before."""
    waiting = [bearerd.begin("/v1/tokens/third?wait=60") for _ in range(3)]
    bearerd.wait_for_waiting(3, "third")
    waiting.pop().close()
    bearerd.wait_for_waiting(2, "third")
    unit = Unit(bearerd, credential="third")
    bearerd.wait_for_waiting(3, "third")
    idle, half = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    idle.connect(str(bearerd.socket))
    half.connect(str(bearerd.socket))
    half.sendall(b"GET /v1/token HT")
    return unit, [waiting, idle, half]


def test_all_is_given_back_at_the_end(watched, endpoint):
    ask_for_all_kinds(watched, endpoint)
    stays, ends = follow_each(watched)
    reload_wrong_and_right(watched, endpoint)
    assert ends.event() is None
    unit, others = wait_for_what_does_not_come(watched)
    watched.signal(signal.SIGTERM)
    assert is_refusal(unit.read())
    assert watched.wait(SLOW) == 0, watched.log()
    assert others and stays.event() is None
    reports = watched.reports()
    # Two of bearerd-fetch were ended by bearerd.
    whole = [report.program for report in reports if report.is_whole]
    assert whole.count("bearerd") == 1
    assert whole.count("bearerd-fetch") == 2
    assert len(reports) == 1 + 2 + 2
    for report in reports:
        assert report.is_clean or not report.is_whole, report.text
        assert report.left_open == [], report.text
