# SPDX-License-Identifier: MIT
"""The file in which bearerd publishes epochs: how it comes to be, and that it stays what it is."""

import os
import stat

import account
import epochs
import keeper
import pytest
from pace import until


@pytest.fixture(name="path")
def a_path(tmp_path):
    return tmp_path / "epoch"


@pytest.fixture(name="publisher")
def a_publisher(broker, path):
    """Makes a bearerd that publishes at `path`; START false: it is not started."""
    def make(*, start=True, **keys):
        bearerd = broker(start=False, **keys)
        if start:
            keeper.start(bearerd, path)
        else:
            bearerd.arguments += ["--epoch", path]
        return bearerd
    return make


def token(bearerd, name="athena"):
    answer = bearerd.get(f"/v1/tokens/{name}")
    assert answer.status == 200
    return answer.body


def test_an_answer_says_where_its_epoch_is(publisher, path):
    answer = token(publisher())
    assert answer["epoch_file"] == str(path)
    assert epochs.show(path, answer)
    assert answer["epoch"] == epochs.last(path)
    assert answer["expires_in"] - 61 <= answer["served_for"] <= answer["expires_in"] - 60


def test_everybody_may_read_it_and_bearerd_alone_may_write(publisher, path):
    old = os.umask(0o077)
    try:
        publisher()
    finally:
        os.umask(old)
    assert stat.filemode(path.stat().st_mode) == "-rw-r--r--"


def test_no_secret_is_in_it(publisher, endpoint, path):
    token(publisher())
    page = path.read_bytes()
    assert endpoint.tokens[0].encode() not in page
    assert not any(page[16:64])         # numbers alone
    assert sum(number > 0 for number in epochs.read(path)) == 1


def test_it_is_the_same_file_over_all_lives(publisher, path):
    bearerd = publisher()
    first = token(bearerd)
    before = path.stat()
    bearerd.kill()
    assert epochs.show(path, first)     # until the next life
    bearerd.start()
    assert not epochs.show(path, first)
    second = token(bearerd)
    assert epochs.show(path, second)
    assert bearerd.stop() == 0
    assert not any(epochs.read(path))
    bearerd.start()
    third = token(bearerd)
    assert first["epoch"] < second["epoch"] < third["epoch"]
    after = path.stat()
    assert (before.st_ino, before.st_size, before.st_blocks) == \
           (after.st_ino, after.st_size, after.st_blocks)


def test_epochs_rise_whatever_an_earlier_life_has_used(publisher, path):
    bearerd = publisher(start=False)
    bearerd.start()
    bearerd.kill()
    page = bytearray(path.read_bytes())
    page[8:16] = (2 ** 51).to_bytes(8, "little")
    with path.open("r+b") as file:
        file.write(page)
    bearerd.start()
    assert token(bearerd)["epoch"] > 2 ** 51


def test_an_epoch_that_cannot_be_is_not_gone_on_from(publisher, path):
    bearerd = publisher(start=False)
    bearerd.start()
    bearerd.kill()
    page = bytearray(path.read_bytes())
    page[8:16] = (2 ** 64 - 1).to_bytes(8, "little")
    with path.open("r+b") as file:
        file.write(page)
    bearerd.start()
    answer = token(bearerd)
    assert 0 < answer["epoch"] < 2 ** 53
    assert epochs.show(path, answer)


def test_tokens_keep_their_slots_over_reloads(publisher, path):
    bearerd = publisher(tokens={"a": {}, "b": {}, "c": {}}, requests_per_minute=600)
    before = {name: token(bearerd, name) for name in "abc"}
    assert len({answer["epoch_slot"] for answer in before.values()}) == 3
    del bearerd.config["token b"]
    bearerd.add_token("d", requests_per_minute=600)
    bearerd.write_config()
    bearerd.reload()
    after = {name: token(bearerd, name) for name in "acd"}
    assert after["a"]["epoch_slot"] == before["a"]["epoch_slot"]
    assert after["c"]["epoch_slot"] == before["c"]["epoch_slot"]
    assert after["d"]["epoch_slot"] == before["b"]["epoch_slot"]
    assert not any(epochs.show(path, answer) for answer in before.values())
    assert all(epochs.show(path, answer) for answer in after.values())


def test_a_thousand_tokens_have_a_slot_each(publisher, path, programs):
    names = [f"t{i}" for i in range(100 if programs.are_sanitized else 1000)]
    bearerd = publisher(tokens={name: {} for name in names}, requests_per_minute=600,
                        broker={"user_requests_per_second": 100000})
    before = {name: token(bearerd, name) for name in names}
    assert len({answer["access_token"] for answer in before.values()}) == len(names)
    assert len({answer["epoch_slot"] for answer in before.values()}) == len(names)
    assert all(epochs.show(path, answer) for answer in before.values())
    bearerd.reload()
    assert not any(epochs.show(path, answer) for answer in before.values())


def test_what_another_life_has_half_made_is_made_whole(publisher, path):
    path.touch()
    assert epochs.show(path, token(publisher()))


@pytest.mark.parametrize("make, why", [
    (lambda path: path.write_text("precious"), "there is something else"),
    (lambda path: path.write_bytes(b"precious" * 1032), "there is something else"),
    (lambda path: path.mkdir(), "there is something else"),
    (lambda path: os.mkfifo(path), "there is something else"),
    (lambda path: (path.with_name("x").touch(), path.symlink_to(path.with_name("x"))),
     "there is something else"),
    (lambda path: (path.touch(), os.link(path, path.with_name("other"))), "there is something else"),
    pytest.param(lambda path: (path.touch(), os.chown(path, account.NOBODY.pw_uid, -1)),
                 "there is something else", marks=account.needs_root),
], ids=["text", "size", "directory", "fifo", "link", "names", "owner"])
def test_what_is_there_already_is_left_alone(publisher, path, make, why):
    make(path)
    before = path.lstat(), path.read_bytes() if path.is_file() else None
    bearerd = publisher()
    bearerd.wait_for_log(f"cannot publish epochs at {path}: {why}")
    answer = token(bearerd)
    assert "epoch" not in answer and "epoch_file" not in answer
    assert answer["served_for"] > 0
    after = path.lstat(), path.read_bytes() if path.is_file() else None
    assert (after[0].st_mode, after[0].st_size, after[1]) == \
           (before[0].st_mode, before[0].st_size, before[1])


@pytest.mark.parametrize("argument, why", [("epoch", "the path is not absolute"),
                                           ("/" + "x" * 255, "File name too long")])
def test_a_path_that_cannot_be_is_told(broker, argument, why):
    bearerd = broker(start=False)
    keeper.start(bearerd, argument)
    bearerd.wait_for_log(f"cannot publish epochs at {argument}: {why}")
    assert token(bearerd)["access_token"]


def test_without_it_there_is_none(broker):
    answer = token(broker())
    assert not {"epoch", "epoch_slot", "epoch_file"} & set(answer)


def test_a_token_that_is_over_is_called_in(publisher, endpoint, path):
    endpoint.behave(expires_in=2)
    bearerd = publisher(requests_per_minute=600)
    answer = token(bearerd)
    endpoint.behave("500")
    until(lambda: not epochs.show(path, answer))
    assert not any(epochs.read(path))
