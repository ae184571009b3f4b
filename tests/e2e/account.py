# SPDX-License-Identifier: MIT
"""account - programs that run as another user than the tests: as nobody.

They find the socket by its name in the working directory, because the directories above are not
for them.
"""

import json
import os
import pwd
import subprocess
from contextlib import contextmanager

import pytest

NOBODY = pwd.getpwnam("nobody")
TIMEOUT = 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def as_nobody(bearerd):
    """Who connects to the given path meanwhile is nobody: the kernel notes it at connect(2)."""
    before = os.getcwd()
    bearerd.directory.chmod(0o711)
    os.chdir(bearerd.directory)
    os.setegid(NOBODY.pw_gid)
    os.seteuid(NOBODY.pw_uid)
    try:
        yield bearerd.socket.name
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.chdir(before)


def start(bearerd, command, group=NOBODY.pw_gid, groups=()):
    bearerd.directory.chmod(0o711)
    return subprocess.Popen(
        command, user=NOBODY.pw_uid, group=group, extra_groups=groups, cwd=bearerd.directory,
        env={"PATH": os.environ["PATH"], "BEARERD_SOCKET": bearerd.socket.name,
             "LD_LIBRARY_PATH": "."},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(bearerd, command, **groups):
    with start(bearerd, command, **groups) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def get(bearerd, path, **groups):
    """Status and body."""
    done = run(bearerd, ["curl", "--silent", "--show-error", "--unix-socket", bearerd.socket.name,
                         "--write-out", "\n%{http_code}", f"http://localhost{path}"], **groups)
    assert done.returncode == 0, done.stderr
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)
