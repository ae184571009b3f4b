# SPDX-License-Identifier: MIT
"""Several tokens, and configurations that change while workers are served."""

import re
import signal

from pace import FAST, until


def section_of(bearerd, name="athena"):
    return bearerd.config[f"token {name}"]


def reload_with(bearerd):
    bearerd.write_config()
    bearerd.reload()


def has_ended(pid):
    """Whether it waits for its parent to notice."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "Z"


def use_other_client_id_file(bearerd, endpoint):
    """Another reference is another client, as far as bearerd can know."""
    section_of(bearerd)["client_id"] = bearerd.credential("other", endpoint.client_id)


# Several tokens.

def test_one_token_fails_and_the_other_is_served(broker, endpoint):
    bearerd = broker(tokens={"good": {}, "bad": {}}, start=False)
    (bearerd.directory / "bad.client_secret").write_text("not-the-secret-of-the-client")
    bearerd.start()
    assert bearerd.get("/v1/tokens/good").body["access_token"] == endpoint.tokens[0]
    answered = bearerd.get("/v1/tokens/bad")
    assert (answered.status, answered.body["upstream_status"]) == (502, 401)
    bearerd.wait_for_status(r"^bad: no valid token.* \| good: valid until")
    good, bad = bearerd.shown("good"), bearerd.shown("bad")
    assert (good["valid"], good["failures"]) == (True, 0)
    assert (bad["valid"], bad["failures"], bad["last_error"]["kind"]) == (False, 1, "denied")
    assert len(endpoint.token_requests) == 2


def test_default_token(broker, endpoint):
    bearerd = broker(tokens={"first": {}, "second": {"default": "yes"}})
    assert bearerd.get("/v1/token").body["name"] == "second"
    assert bearerd.get("/v1/tokens/first").body["name"] == "first"
    assert [bearerd.shown(name)["is_default"] for name in ("first", "second")] == [False, True]
    assert len(set(endpoint.tokens)) == 2


def test_no_default_among_several(broker):
    bearerd = broker(tokens={"first": {}, "second": {}})
    answered = bearerd.get("/v1/token")
    assert (answered.status, answered.body["error"]) == (400, "invalid_request")
    assert bearerd.get("/v1/tokens/second").status == 200


# Reloads.

def test_wrong_configuration_keeps_the_old_one(broker, endpoint):
    bearerd = broker(**FAST)
    before = bearerd.get("/v1/token").body
    section_of(bearerd)["scop"] = "x"
    section_of(bearerd)["floor"] = "never"
    reload_with(bearerd)
    lines = bearerd.config_file.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if re.match("(scop|floor) =", line):
            bearerd.wait_for_log(rf"<3>.*{bearerd.config_file}:{number}: ")
    bearerd.wait_for_log("the configuration is wrong: the one before stays in force")
    assert bearerd.get("/v1/token").body["access_token"] == before["access_token"]
    assert len(endpoint.token_requests) == 1
    del section_of(bearerd)["scop"], section_of(bearerd)["floor"]
    section_of(bearerd)["practice_id"] = "7"
    reload_with(bearerd)
    bearerd.wait_for_log("configuration reloaded: 1 token")
    after = bearerd.get("/v1/token").body
    assert after["practice_id"] == "7"


def test_missing_configuration_keeps_the_old_one(broker):
    bearerd = broker()
    before = bearerd.get("/v1/token").body["access_token"]
    bearerd.config_file.unlink()
    bearerd.reload()
    bearerd.wait_for_log(f"<3>.*{bearerd.config_file}")
    assert bearerd.get("/v1/token").body["access_token"] == before


def test_other_client_gets_another_token(broker, endpoint):
    bearerd = broker()
    before = bearerd.get("/v1/token").body
    use_other_client_id_file(bearerd, endpoint)
    reload_with(bearerd)
    after = bearerd.get("/v1/token").body
    assert after["access_token"] == endpoint.tokens[1]
    assert after["generation"] > before["generation"]


def test_what_is_asked_for_otherwise_is_another_token(broker, endpoint):
    """And is not handed out for the one before."""
    endpoint.allow("audience", "resource", "more")
    bearerd = broker(**FAST)
    served = [bearerd.get("/v1/token").body["access_token"]]
    for key, value in ("audience", "urn:a"), ("resource", "urn:b"), ("form", "more=1"):
        section_of(bearerd)[key] = value
        endpoint.next(delay=0.3)
        reload_with(bearerd)
        served.append(bearerd.get("/v1/token").body["access_token"])
    assert served == endpoint.tokens and len(set(served)) == 4


def test_token_is_added_and_removed(broker, endpoint):
    bearerd = broker()
    kept = bearerd.get("/v1/token").body
    bearerd.add_token("extra")
    reload_with(bearerd)
    assert bearerd.get("/v1/tokens/extra").body["access_token"] == endpoint.tokens[1]
    assert bearerd.get("/v1/tokens/athena").body["generation"] == kept["generation"]
    assert bearerd.get("/v1/token").status == 400
    del bearerd.config["token extra"]
    reload_with(bearerd)
    answered = bearerd.get("/v1/tokens/extra")
    assert (answered.status, answered.body["error"]) == (404, "unknown_token")
    assert bearerd.get("/v1/token").body["generation"] == kept["generation"]


def test_who_waits_for_a_token_that_is_removed_is_told(broker, endpoint):
    bearerd = broker(tokens={"athena": {}, "extra": {}})
    bearerd.get("/v1/tokens/athena")
    endpoint.behave("stall")
    del bearerd.config["token extra"]
    reload_with(bearerd)
    bearerd.add_token("extra")
    reload_with(bearerd)
    worker = bearerd.begin("/v1/tokens/extra?wait=60")
    bearerd.wait_for_waiting(1, "extra")
    del bearerd.config["token extra"]
    reload_with(bearerd)
    assert worker.answered().status == 403
    assert bearerd.get("/v1/tokens/athena").status == 200
    worker.close()


def test_reload_during_a_fetch_does_not_repeat_it(broker, endpoint):
    endpoint.next(delay=1)
    bearerd = broker()
    worker = bearerd.begin("/v1/token")
    endpoint.wait_for_requests(1, timeout=20)
    bearerd.wait_for_waiting(1)
    for _ in range(3):
        bearerd.reload()
    assert worker.answered().body["access_token"] == endpoint.tokens[0]
    assert len(endpoint.token_requests) == 1
    worker.close()


def test_who_waits_during_a_reload_gets_the_token_of_the_new_client(broker, endpoint):
    endpoint.next("stall")
    bearerd = broker()
    worker = bearerd.begin("/v1/token")
    endpoint.wait_for_requests(1, timeout=20)
    bearerd.wait_for_waiting(1)
    use_other_client_id_file(bearerd, endpoint)
    reload_with(bearerd)
    assert worker.answered().body["access_token"] == endpoint.tokens[1]
    assert len(endpoint.token_requests) == 2
    worker.close()


def test_reload_that_comes_along_with_the_token_loses_no_answer(broker, endpoint):
    """Both have come in when bearerd looks: the answer is from the configuration that it was for."""
    endpoint.next(delay=1)
    bearerd = broker()
    worker = bearerd.begin("/v1/token")
    bearerd.wait_for_waiting(1)
    endpoint.wait_for_requests(1, timeout=20)
    [fetcher] = bearerd.wait_for_fetchers()
    bearerd.signal(signal.SIGSTOP)
    until(lambda: has_ended(fetcher))
    section_of(bearerd).update(scope="another", practice_id="7")
    bearerd.write_config()
    bearerd.signal(signal.SIGHUP)
    bearerd.signal(signal.SIGCONT)
    answered = worker.answered()
    assert answered.status == 200
    assert answered.body["practice_id"] == ("195900" if answered.body["access_token"] ==
                                            endpoint.tokens[0] else "7")
    worker.close()
