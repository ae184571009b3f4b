# SPDX-License-Identifier: MIT
"""Where systemd asks for LoadCredential=: what a unit is given, and how it is refused."""

import signal
import time

import pytest
from account import needs_root
from activation import activate
from pace import FAST, until
from unit import Unit

pytestmark = needs_root     # as systemd is: nobody else's address is believed

REFUSAL = (1 << 20) + (1 << 18)     # bytes
AT_ONCE = 64


@pytest.fixture
def bearerd(broker):
    """With that socket, and tokens athena, the default, and other."""
    one = broker(start=False, tokens={"athena": {"default": "yes"}, "other": {}}, **FAST)
    one.credential_socket = one.directory / "credential.sock"
    activate(one, (one.credential_socket, "credential", "SOCK_STREAM"),
             (one.socket, "token", "SOCK_STREAM"))
    return one


def is_refusal(text):
    return text == "\0" * REFUSAL


def test_unit_gets_the_token_and_nothing_else(bearerd):
    bearerd.start()
    for credential, name in (("other", "other"), ("athena", "athena"), ("token", "athena")):
        token = bearerd.get(f"/v1/tokens/{name}").body["access_token"]
        assert Unit(bearerd, credential=credential).read() == token


def test_refusal_is_more_than_systemd_takes(bearerd, endpoint):
    bearerd.config["token athena"]["allow_units"] = "worker@*.service"
    bearerd.start()
    assert Unit(bearerd, "worker@1.service").read() in endpoint.tokens
    assert is_refusal(Unit(bearerd, "worker.service").read())
    bearerd.wait_for_log(r"unit worker\.service gets no credential token")


def test_refusal_that_is_not_taken_ends_in_2_seconds_and_holds_nobody_up(bearerd):
    bearerd.config["token athena"]["allow_units"] = "worker.service"
    bearerd.start()
    began = time.monotonic()
    slow = [Unit(bearerd, "other.service") for _ in range(AT_ONCE)]
    until(lambda: bearerd.log().count("unit other.service gets no credential") == AT_ONCE)
    assert bearerd.get("/v1/tokens/other").status == 200
    assert time.monotonic() - began < 2
    late = Unit(bearerd)                # there is room for it once they have been given up
    assert late.read() and time.monotonic() - began >= 2
    for unit in slow:
        assert len(unit.read()) < REFUSAL


def test_64_wait_at_once_and_the_next_one_is_accepted_after_them(bearerd, endpoint):
    endpoint.behave("500")
    bearerd.start()
    units = [Unit(bearerd) for _ in range(AT_ONCE + 1)]
    bearerd.wait_for_waiting(AT_ONCE)
    endpoint.normal()
    token = units[0].read()
    assert token in endpoint.tokens
    assert [unit.read() for unit in units[1:]] == [token] * AT_ONCE


def test_unit_that_is_given_up_waits_no_more(bearerd, endpoint):
    endpoint.behave("500")
    bearerd.start()
    units = [Unit(bearerd), Unit(bearerd)]
    bearerd.wait_for_waiting(2)
    units[0].leave()
    bearerd.wait_for_waiting(1)
    units[1].leave()
    bearerd.wait_for_waiting(0)


def test_unit_that_waits_when_bearerd_ends_is_refused(bearerd, endpoint):
    endpoint.behave("500")
    bearerd.start()
    units = [Unit(bearerd), Unit(bearerd)]
    bearerd.wait_for_waiting(2)
    bearerd.signal(signal.SIGTERM)
    assert all(is_refusal(unit.read()) for unit in units)
    assert bearerd.wait() == 0
    assert "bearerd is ending" in bearerd.log()


def test_permission_that_a_reload_takes_away_ends_the_wait(bearerd, endpoint):
    endpoint.behave("500")
    bearerd.start()
    units = [Unit(bearerd, "one.service"), Unit(bearerd, "two.service")]
    bearerd.wait_for_waiting(2)
    bearerd.config["token athena"]["allow_units"] = "two.service"
    bearerd.write_config()
    bearerd.reload()
    assert is_refusal(units[0].read())
    endpoint.normal()
    assert units[1].read() in endpoint.tokens


def test_denied_token_is_refused_at_once(bearerd, endpoint):
    endpoint.behave("401")
    bearerd.start()
    until(lambda: "last_error" in bearerd.shown())
    assert is_refusal(Unit(bearerd).read())
    bearerd.wait_for_log("unit worker.service gets no credential token, and does not start: token "
                         "athena: there is none, and the token endpoint refuses")


def test_wrong_configuration_refuses_at_once_and_serves_after_a_reload(bearerd, endpoint):
    bearerd.config["token athena"]["nonsense"] = "1"
    bearerd.start()
    assert is_refusal(Unit(bearerd).read())
    assert bearerd.get("/v1/token").status == 503
    bearerd.wait_for_log("unit worker.service gets no credential token, and does not start: the "
                         "configuration is wrong")
    bearerd.config["token athena"]["nonsense"] = None
    bearerd.config["token athena"]["allow_units"] = "worker.service"
    bearerd.write_config()
    bearerd.reload()
    assert Unit(bearerd).read() in endpoint.tokens
    assert bearerd.get("/v1/token").status == 403


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_SEQPACKET"])
def test_wrong_socket_of_systemd_is_an_error(bearerd, kind):
    activate(bearerd, (bearerd.socket, "token", "SOCK_STREAM"),
             (bearerd.credential_socket, "credential", kind))
    bearerd.write_config()
    bearerd.launch()
    assert bearerd.wait() == 73
    assert "look at bearerd-credential.socket" in bearerd.log()
