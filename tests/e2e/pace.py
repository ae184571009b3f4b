# SPDX-License-Identifier: MIT
"""pace - what keeps tests quick and certain: settings in fractions of a second, and until()."""

import time

TIMEOUT = 20        # for what takes milliseconds: sanitizers and a busy machine are slow
SLOW = 60           # under valgrind, too
POLL_INTERVAL = 0.01

# Keys of a token that is tried again, and renewed, as soon as configurations can say.
FAST = {"retry_min": "100ms", "retry_max": "400ms", "requests_per_minute": 600,
        "min_renewal_interval": "100ms"}
SPACING = 0.1       # its min_renewal_interval, in seconds


def until(find, timeout=TIMEOUT, explain=lambda: "it did not come true"):
    """Until FIND() is true; what it is then. AssertionError with EXPLAIN() after TIMEOUT seconds."""
    deadline = time.monotonic() + timeout
    while not (found := find()):
        assert time.monotonic() < deadline, explain()
        time.sleep(POLL_INTERVAL)
    return found
