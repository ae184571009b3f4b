# SPDX-License-Identifier: MIT
"""The benchmarks run, and say what they are to say: nothing here depends on a time.

Beside the floor and bearerd there are other servers in them, which not every host has installed.
"""

import re
import shutil
import socket
import subprocess
import threading
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest

from account import needs_root

ROOT = Path(__file__).resolve().parents[2]
RUN, PAGE = ROOT / "tests/bench/run", ROOT / "docs/performance.md"
FLOOD = ROOT / "tests/bench/flood.py"
TIMEOUT = 300
# All but the instructions, for valgrind does not run a program with a sanitizer in it.
PARTS = ("kept", "new", "threads", "scale", "refresh", "footprint", "fetch")
WAYS = ("bare epoll loop", "bare epoll loop, a second copy", "**bearerd**",
        "**libbearer**, `bearer_get()`", "a file in tmpfs: open, read, close")
TOGETHER = "200 workers that start together with no token: requests to the endpoint"
# One for each part that makes promises.
PROMISES = ("round trip of bearerd, to the floor's", "connect, ask and close, to the floor's",
            "a token that libbearer keeps, in one thread",
            TOGETHER,
            "bearerd, that to the usual p99", "from exec to READY=1",
            "one bearerd-fetch, one CA: processor time")
FLOODS = ("none", "connections that are held", "connections that part at once",
          "streams that part at once", "connections that come and go",
          "connections that come in waves", "requests, pipelined", "requests, answers unread",
          "requests, byte by byte", "requests, byte by byte in waves", "garbage",
          "garbage, byte by byte", "passed descriptors",
          "passed descriptors that linger", "all of these at once")
PLACE = re.compile(r"(?<=by tests/bench/run -->)(.*?)(?=<!-- end of )", re.S)
TOKEN = b"the-token-itself"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n\"" + TOKEN + b"\""


def run(programs, *arguments):
    return subprocess.run([RUN, "--quick", "--no-peers", programs.bearerd.parents[1], *arguments],
                          capture_output=True, check=False, text=True, timeout=TIMEOUT)


def cells(text):
    """{first cell: the others} of every row of every table."""
    rows = (line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|"))
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def figure(text):
    return float(re.match(r"[0-9.,]+", text)[0].replace(",", ""))


def assert_has_all_figures(text):
    found = cells(text)
    for way in WAYS:
        assert figure(found[way][0]) > 0, way
    for kept_and_new in ("bare epoll loop", "**bearerd**"):
        assert figure(found[kept_and_new][6]) > 0
    assert found["bare epoll loop"][1] == found["bare epoll loop"][7] == "1.00"
    for promise in PROMISES:
        assert any(name.endswith(promise) for name in found), promise
    together = next(name for name in found if name.endswith(TOGETHER))
    assert found[together] == ["1", "1", "yes"]


def assert_is_written(directory):
    page = (directory / PAGE.name).read_text()
    assert_has_all_figures("".join(PLACE.findall(page)))
    assert page != PAGE.read_text()
    assert PLACE.sub("", page) == PLACE.sub("", PAGE.read_text())
    picture = tree.parse(directory / "performance.svg")
    words = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert all(re.sub(r"[*`]", "", way) in words for way in WAYS)


@needs_root
def test_benchmarks_have_all_figures(programs, tmp_path):
    shutil.copy(PAGE, tmp_path)
    done = run(programs, *(PARTS if programs.are_sanitized else ("--output", tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_has_all_figures(done.stdout)
    assert done.stdout.endswith(" promises are not kept, and 0 gets have failed.\n")
    if not programs.are_sanitized:
        assert_is_written(tmp_path)


class Server(threading.Thread):
    """Answers each request with the next of ANSWERS, and hangs up after the last."""

    def __init__(self, path, answers):
        super().__init__(daemon=True)
        self._answers = iter(answers)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self.start()

    def run(self):
        while True:
            connection, _ = self._socket.accept()
            with connection:
                while connection.recv(4096):
                    answer = next(self._answers, None)
                    if answer is None:
                        break
                    connection.sendall(answer)


def ask(programs, tmp_path, answers, gets=100):
    server, request, token = (tmp_path / name for name in ("socket", "request", "token"))
    Server(server, answers)
    request.write_bytes(b"GET / HTTP/1.1\r\n\r\n")
    token.write_bytes(TOKEN)
    return subprocess.run(
        [programs.bearerd.parents[1] / "tests/bench/bench-ask", "kept", "1", str(gets), token,
         f"it,socket,{server},,1,{request},1"],
        capture_output=True, check=False, text=True, timeout=TIMEOUT)


@pytest.mark.parametrize("wrong", [
    ANSWER.replace(b"200 OK", b"503 No"),
    ANSWER.replace(TOKEN, TOKEN[::-1]),
    ANSWER[:-1] + b"}",
], ids=["status", "token", "end"])
def test_wrong_answer_is_counted(programs, tmp_path, wrong):
    answers = [ANSWER] * 61 + [wrong] * 7 + [ANSWER] * 83  # one is learned, 50 warm up
    done = ask(programs, tmp_path, answers)
    assert done.returncode == 0, done.stderr
    name, median, _, _, errors = done.stdout.split()
    assert (name, errors) == ("it", "7") and int(median) > 0


def test_server_that_goes_is_counted(programs, tmp_path):
    done = ask(programs, tmp_path, [ANSWER] * 61)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[4] == "90"


def test_server_without_the_token_is_not_measured(programs, tmp_path):
    done = ask(programs, tmp_path, [ANSWER.replace(TOKEN, TOKEN[::-1])])
    assert done.returncode == 1
    assert done.stdout == "" and "the token is not in its answer" in done.stderr


@needs_root
@pytest.mark.parametrize("kernel", [[], ["--rights"]], ids=["this kernel", "before 6.16"])
def test_flood_has_all_figures_and_no_error(programs, kernel):
    """Whether its promise holds (3), it tells by a time, and not on a busy host (4)."""
    done = subprocess.run([FLOOD, "--quick", *kernel, programs.bearerd.parents[1], "0.3"],
                          capture_output=True, check=False, text=True, timeout=TIMEOUT)
    assert done.returncode in (0, 3, 4), done.stdout + done.stderr
    found = cells(done.stdout)
    for what in FLOODS:
        for way in (found[what][i:i + 4] for i in (0, 4, 8)):
            assert all(float(cell) > 0 for cell in way[:3]) and way[3] == "0"
