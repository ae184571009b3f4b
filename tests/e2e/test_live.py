# SPDX-License-Identifier: MIT
"""bearerctl status on a terminal: a view that stays."""

import re
import signal
import threading

import operators
import pytest
from pace import FAST, until
from viewer import Viewer

SPAN = r"\d+ (?:s|min|h)(?: \d+ (?:s|min))?"


@pytest.fixture(name="view")
def a_view(programs):
    viewers = []

    def make(bearerd, *options, control=True, **keys):
        command = [programs.bearerctl, "--socket", bearerd.socket]
        if control:
            command += ["--control", bearerd.directory / "control.sock"]
        viewers.append(Viewer([*command, "status", *options], **keys))
        return viewers[-1]

    yield make
    for viewer in viewers:
        with viewer:
            pass


@pytest.fixture(name="operated")
def an_operated_bearerd(broker):
    def make(**keys):
        bearerd = broker(start=False, **{**FAST, **keys})
        operators.start(bearerd)
        return bearerd
    return make


def with_a_token(operated, **keys):
    bearerd = operated(**keys)
    bearerd.get("/v1/token")
    return bearerd


def bar(viewer):
    """The bar of the first token."""
    return viewer.wait_for(r"athena \* +([\u2588\u2591\u2502#.|]{6,40})  ")[1]


def test_each_token_with_its_life(operated, view):
    viewer = view(with_a_token(operated))
    viewer.wait_for(r"^bearerd [\d.]+, up .*; \d+ connections? of \d+ users?; requests/s: ")
    viewer.wait_for(rf"\nTOKEN +LIFE +LEFT +NEXT RENEWAL +REQ/S +WAITING +BUDGET\n"
                    rf"athena \* +\S+ +59 min \d+ s +in {SPAN} +(?:-|\d+\.\d) +0 +599 of 600$")
    found = bar(viewer)
    assert found[-1] != "\u2502" and found.count("\u2502") == 1
    # The renewal is due with 7 to 8 of 60 minutes left.
    assert 0.1 < found.index("\u2502") / len(found) < 0.2
    assert not viewer.has_cursor and viewer.is_other


def test_budget_where_there_is_room_for_it(operated, view):
    viewer = view(with_a_token(operated), columns=92)
    viewer.wait_for(r"\nTOKEN .* WAITING +BUDGET\nathena .* 0 +599 of 600$")
    assert len(bar(viewer)) == 20
    viewer.resize(91, 24)
    viewer.wait_for(r"\nTOKEN .* WAITING\nathena .* 0$")


def test_bar_gets_shorter_as_the_token_gets_older(operated, endpoint, view):
    endpoint.behave(expires_in=10)
    viewer = view(with_a_token(operated))
    first = bar(viewer)
    until(lambda: bar(viewer).count("\u2588") < first.count("\u2588"))
    viewer.wait_for(r"LEFT[^\n]*\n[^\n]* [345] s ")


def test_waiters_and_trouble(operated, endpoint, view):
    endpoint.behave("500")
    bearerd = operated(retry_min="1h", retry_max="1h")
    with bearerd.begin("/v1/token?wait=30"), bearerd.begin("/v1/token?wait=30"):
        viewer = view(bearerd)
        viewer.wait_for(r"athena \* +no token +in \S.* 2 +599 of 600\n  [^\n]* ago, failed: HTTP 500 ")


def test_requests_per_second(operated, view):
    bearerd = with_a_token(operated)
    is_over = threading.Event()

    def ask():
        with bearerd.connect() as connection:
            while not is_over.wait(0.01):
                connection.get("/v1/token")
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        viewer = view(bearerd)
        rate = float(viewer.wait_for(r"\nathena [^\n]* ([1-9]\d*\.\d) +0 +599 of 600$")[1])
        assert 5 < rate < 110
        assert float(viewer.wait_for(r"requests/s: ([\d.]+)")[1]) > 5
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("end", ["q", "\x03"])
def test_ends_and_leaves_the_terminal_as_it_was(operated, view, end):
    viewer = view(with_a_token(operated))
    bar(viewer)
    assert viewer.settings() != viewer.before
    viewer.type(end)
    assert viewer.wait() == 0
    assert viewer.settings() == viewer.before
    assert viewer.has_cursor and not viewer.is_other
    assert "".join(viewer.left) == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(operated, view, number):
    viewer = view(with_a_token(operated))
    bar(viewer)
    viewer.signal(number)
    assert viewer.wait() == -number
    assert viewer.settings() == viewer.before
    assert viewer.has_cursor and not viewer.is_other


def test_stopped_it_gives_the_screen_back_and_goes_on_later(operated, view):
    viewer = view(with_a_token(operated))
    bar(viewer)
    viewer.type("\x1a")
    until(viewer.is_stopped)
    assert viewer.settings() == viewer.before
    assert viewer.has_cursor and not viewer.is_other
    viewer.signal(signal.SIGCONT)
    bar(viewer)
    assert viewer.is_other


def test_other_sizes(operated, view):
    """Each line fits, whatever there is room for: the viewer sees to that."""
    bearerd = with_a_token(operated)
    viewer = view(bearerd)
    viewer.wait_for("WAITING")
    viewer.resize(60, 24)
    viewer.wait_for("LEFT +NEXT RENEWAL +REQ/S$")
    viewer.resize(40, 6)
    viewer.wait_for("LIFE +LEFT$")
    viewer.resize(39, 24)
    viewer.wait_for("^too small: 40 columns and 6 lines are\n  needed, or 'bearerctl status --once'")
    viewer.resize(8, 2)
    viewer.wait_for("^too\n")
    viewer.resize(200, 50)
    viewer.wait_for("WAITING")
    assert len(bar(viewer)) == 40


def test_more_tokens_than_lines(broker, view):
    bearerd = broker(start=False, tokens={f"t{i:02}": {} for i in range(20)}, **FAST)
    operators.start(bearerd)
    viewer = view(bearerd, lines=10)
    viewer.wait_for("\nt05 .*\nand 14 more: ")
    viewer.resize(40, 6)
    viewer.wait_for(r"^bearerd [^\n]*\u2026\nTOKEN [^\n]*\nt00 .*\n.*\nt02 .*\nand 17 more: ")


@pytest.fixture(name="troubled")
def a_troubled_bearerd(broker):
    """None of its tokens' secrets is there, and their paths are long. And what it says of that."""
    def make(*names):
        bearerd = broker(start=False, tokens={name: {} for name in names}, **FAST)
        for name in names:
            (bearerd.directory / f"{name}.client_secret").unlink()
        operator = operators.start(bearerd)
        return bearerd, [until(lambda: operator.token(name).get("last_error"))["message"]
                         for name in names]
    return make


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_trouble_is_told_whole(troubled, view, columns):
    bearerd, messages = troubled("one", "other")
    viewer = view(bearerd, columns=columns)
    viewer.wait_for(r"\none .*\n  \d+ s ago, misconfigured: [^\n]*\n    \S")
    said = "".join(viewer.screen()).replace(" ", "")
    assert all(len(message) > 80 and message.replace(" ", "") in said for message in messages)


def test_on_a_small_terminal_tokens_come_before_trouble(troubled, view):
    bearerd, _ = troubled("a", "b", "c")
    viewer = view(bearerd, columns=40, lines=6)
    viewer.wait_for(r"\u2026\nTOKEN .*\na .*\n  \d+ s ago, .*\u2026\nb .*\nc [^\n]*$")
    viewer.resize(40, 7)
    viewer.wait_for(r"\na .*\n  \d+ s .*\u2026\nb .*\n  \d+ s .*\u2026\nc [^\n]*$")
    viewer.resize(40, 5)
    viewer.wait_for("^too small: ")


def test_without_utf8_what_is_cut_ends_in_dots(troubled, view):
    bearerd, _ = troubled("a", "b")
    view(bearerd, columns=40, lines=6, LC_ALL="C").wait_for(r"\n  \d+ s ago, .*\.\.\.\nb ")


def test_without_utf8_it_is_ascii(operated, view):
    viewer = view(with_a_token(operated), LC_ALL="C")
    assert re.fullmatch(r"#+\|#+\.*", bar(viewer))
    assert all(line.isascii() for line in viewer.screen())


def test_while_bearerd_is_away_it_says_so_and_goes_on(operated, view):
    bearerd = with_a_token(operated)
    viewer = view(bearerd)
    bar(viewer)
    viewer.wait_for(r"requests/s: \d")
    bearerd.kill()
    viewer.wait_for(r"^As it was [1-9]\d* s ago; bearerd does not answer: Connection refused; start it "
                    r"\(systemctl start bearerd\),\n +or see --control\n\n.*\nathena .* - +0 +599 of 600$")
    bearerd.start()
    viewer.wait_for("^bearerd [0-9.]+, up ")


def test_without_the_control_socket(broker, view):
    bearerd = broker(**FAST)
    bearerd.get("/v1/token")
    viewer = view(bearerd, control=False)
    viewer.wait_for(r"^The tokens that this user may have")
    viewer.wait_for(r"NEXT RENEWAL +WAITING")
    bar(viewer)


# Where there is no view.

@pytest.mark.parametrize("options, keys", [
    (["--once"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""}), ([], {"columns": 39}),
    ([], {"lines": 5})])
def test_once(operated, view, options, keys):
    viewer = view(with_a_token(operated), *options, **keys)
    assert viewer.wait() == 0
    assert "NEXT RENEWAL" in "".join(viewer.left) and "\x1b" not in "".join(viewer.left)


def test_json(operated, view):
    viewer = view(with_a_token(operated), "--json")
    assert viewer.wait() == 0
    assert "".join(viewer.left).startswith('{"version":1,')


def test_without_bearerd(operated, view):
    bearerd = operated()
    bearerd.stop()
    viewer = view(bearerd)
    assert viewer.wait() == 69
    assert "start it" in "".join(viewer.left) and not viewer.is_other
