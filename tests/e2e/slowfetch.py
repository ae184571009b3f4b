# SPDX-License-Identifier: MIT
"""slowfetch - a bearerd whose first fetch goes on until the test ends it: workers have to wait.

What ends it is the end of bearerd-fetch, and then the next attempt gets a token.
"""

import os
import signal
import time

TIMEOUT = 10        # less than a fetch may take: after that, nobody waits any more
POLL_INTERVAL = 0.01


def start(broker, endpoint, /, wrapper=(), **keys):
    endpoint.next("stall")
    bearerd = broker(start=False, requests_per_minute=600, retry_min="100ms", **keys)
    bearerd.wrapper = list(wrapper)
    bearerd.start()
    endpoint.wait_for_requests(1, TIMEOUT)
    return bearerd


def end(bearerd):
    for pid in bearerd.wait_for_fetchers():
        os.kill(pid, signal.SIGKILL)


def wait_for_waiting(bearerd, number):
    """Until that many requests wait for the one token."""
    deadline = time.monotonic() + TIMEOUT
    with bearerd.connect() as connection:
        while (waiting := connection.get("/v1/tokens").body["tokens"][0]["waiting"]) != number:
            assert time.monotonic() < deadline, f"{waiting} requests wait, not {number}"
            time.sleep(POLL_INTERVAL)
