# SPDX-License-Identifier: MIT
"""That the search for secrets finds them: each form, and each place that is searched."""

import base64
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

import canary
import process
import pytest
from account import needs_root
from canary import Canary

VALUE = "canary/with+some=special&characters, 30 % of them"
CANARY = Canary(VALUE)

# Puts the canary, which comes on its input, where it is told to, and keeps it there.
PLANT = """
import mmap, os, sys, tempfile
value = sys.stdin.buffer.readline().strip()
kept = [os.memfd_create("planted"), tempfile.TemporaryFile(), tempfile.NamedTemporaryFile()]
os.write(kept[0], value)
for file in kept[1:]:
    file.write(value)
    file.flush()
memory = mmap.mmap(-1, len(value))
memory.write(value)
print(kept[2].name, flush=True)
sys.stdin.read()
"""


@contextmanager
def planted(value, arguments=(), environment=None):
    """A process that has VALUE in its memory and files, and the name of the one that has a name."""
    with subprocess.Popen([sys.executable, "-c", PLANT, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=os.environ | (environment or {})) as one:
        one.stdin.write(value.encode() + b"\n")
        one.stdin.flush()
        yield one.pid, one.stdout.readline().decode().strip()
        one.stdin.close()


def basic(client_id, value):
    return base64.b64encode(f"{client_id}:{value}".encode()).decode()


@pytest.mark.parametrize("text", [
    VALUE, quote(VALUE), quote(VALUE, safe=""), quote_plus(VALUE), quote_plus(VALUE).lower(),
    VALUE.encode().hex(), VALUE.encode().hex().upper(), basic("", VALUE), basic("a", VALUE),
    basic("ab", VALUE), basic("abc", VALUE), basic("a", quote_plus(VALUE)),
    base64.urlsafe_b64encode(VALUE.encode()).decode(), VALUE[:len(VALUE) // 2 + 8], VALUE[-32:],
    basic("a", VALUE)[20:],
])
def test_each_form_is_found(text):
    assert CANARY.found_in(text)
    assert CANARY.found_in(b"\0\xff" + text.encode() + b"\xff")


@pytest.mark.parametrize("text", ["", VALUE[:12], VALUE[::-1], basic("a", "something else")])
def test_nothing_else_is_found(text):
    assert CANARY.found_in(text) == []


def test_pieces_that_tokens_share_are_not_theirs():
    header = "eyJraWQiOiJ4eHh4eHh4eHh4eHh4eHh4eHgiLCJhbGciOiJSUzI1NiJ9" * 4
    one, other = (f"{header}.{base64.urlsafe_b64encode(os.urandom(256)).decode()}" for _ in "ab")
    assert Canary.of_token(one).found_in(f"Bearer {one}")
    assert Canary.of_token(one).found_in(f"Bearer {other}") == []


@needs_root
def test_memory_is_searched():
    with planted(VALUE) as (pid, _):
        places = {place.split(" at ")[0] for place, _ in canary.found_in_process(CANARY, pid)}
    assert {"[heap]", "anonymous"} & places
    assert "/dev/zero" in " ".join(places)      # which is what shared memory is called


@needs_root
def test_the_initial_environment_is_in_memory_and_can_be_left_out():
    with planted("nothing special", environment={"PLANTED": VALUE}) as (pid, _):
        block = process.environment_block(pid)
        assert "[stack]" in str(canary.found_in_process(CANARY, pid))
        rest = [data for place, data in process.memory_without(pid, block) if "[stack]" in place]
    assert rest and not any(map(CANARY.found_in, rest))


def test_command_lines_and_environments_are_searched():
    with planted(VALUE, arguments=[VALUE], environment={"PLANTED": VALUE}) as (pid, _):
        assert CANARY.found_in(process.read_of_all("cmdline")[pid])
        assert CANARY.found_in(process.read(pid, "environ"))


def test_open_files_are_searched():
    with planted(VALUE) as (pid, _):
        found = [name for name, content in process.files(pid) if CANARY.found_in(content)]
    assert len(found) == 3
    assert sum("(deleted)" in name for name in found) == 2 and "memfd:planted" in str(found)


def test_the_program_searches_all_of_them(tmp_path):
    of = tmp_path / "of"
    of.write_text(VALUE)
    (tmp_path / "there").mkdir()
    with planted(VALUE, environment={"PLANTED": VALUE, "TMPDIR": str(tmp_path / "there")}) as \
            (pid, name):
        wheres = [str(tmp_path / "there"), f"/proc/{pid}/environ", "-"]
        if os.geteuid() == 0:
            wheres.append(f"mem:{pid}")
        done = subprocess.run([sys.executable, canary.__file__, of, *wheres], text=True, check=False,
                              input=basic("id", VALUE), capture_output=True, timeout=60)
    assert done.returncode == 1, done.stderr
    for place in (name, f"/proc/{pid}/environ", "standard input"):
        assert f"\n{place}: " in "\n" + done.stdout
    assert os.geteuid() != 0 or "[heap] at" in done.stdout


def test_the_program_finds_nothing_where_nothing_is(tmp_path):
    of = tmp_path / "of"
    of.write_text(VALUE)
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run([sys.executable, canary.__file__, of, empty, "/proc/self/environ"],
                              text=True, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
