# SPDX-License-Identifier: MIT
"""Many threads that share one handle of libbearer, and a real bearerd: see threads.c.

Worth most in a build with -Db_sanitize=thread, which ./check makes for it.
"""

import os
import re
import subprocess

import pytest
from pace import FAST

THREADS = 16
ROUNDS = {False: 400, True: 3000}   # who keeps tokens is quick, and renewals take their time
TIMEOUT = 120       # the thread sanitizer is slow
# Where the kernel spreads addresses wider than the sanitizer of gcc 12 knows, it does not start.
AS_EXPECTED = ["setarch", "--addr-no-randomize"]


@pytest.mark.parametrize("keeps", [False, True], ids=["asks", "keeps"])
def test_threads_share_a_handle_and_tokens(broker, endpoint, programs, keeps):
    bearerd = broker(start=False, **FAST, renewal_pause="100ms")
    bearerd.wrapper = AS_EXPECTED
    if keeps:
        bearerd.arguments += ["--epoch", bearerd.directory / "epoch"]
    bearerd.start()
    bearerd.get("/v1/token")
    done = subprocess.run(
        [*AS_EXPECTED, programs.libraries.parent / "tests/e2e/test-threads", str(THREADS),
         str(ROUNDS[keeps])],
        env=os.environ | {"BEARERD_SOCKET": str(bearerd.socket), "TSAN_OPTIONS": "halt_on_error=1"},
        capture_output=True, check=False, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""        # the sanitizer's, too
    counted = {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", done.stdout)}
    assert counted["wrong"] == 0
    assert counted["answers"] >= THREADS * ROUNDS[keeps]
    assert counted["children"] >= THREADS
    assert counted["renewals"] >= 2
    # Whoever asked for a renewal while one was under way has shared it.
    assert len(endpoint.token_requests) <= 1 + counted["renewals"]
