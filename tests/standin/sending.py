# SPDX-License-Identifier: MIT
"""sending - an answer on its way: what is around its body, and how it may end badly."""

import time
from email.utils import formatdate

CHUNK = 16384
DRIP_SIZE, DRIP_SECONDS = 1, 0.1


def status_of(raw):
    words = raw.split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


def dress(answer, told):
    """Everything around the body."""
    if told.status is not None:
        answer.status = told.status
    if told.size is not None:
        answer.body = answer.body.ljust(told.size)
    answer.put("Date", formatdate(usegmt=True))
    answer.put("Cache-Control", "no-store")
    answer.put("Connection", "close")
    answer.put("Content-Length", len(answer.body))
    if told.retry_after is not None:
        answer.put("Retry-After", told.retry_after)
    if told.retry_after_date is not None:
        # Rounded up: in whole seconds, a date that is told must not come too early.
        answer.put("Retry-After", formatdate(int(time.time() + told.retry_after_date) + 1,
                                             usegmt=True))
    for name, value in told.headers.items():
        answer.put(name, value)


def truncated(connection, answer, send):
    send(answer.render()[:-max(1, len(answer.body) // 2)])


def stall_body(connection, answer, send):
    truncated(connection, answer, send)
    connection.wait()


def drip(connection, answer, send):
    data = answer.render()
    for at in range(0, len(data), DRIP_SIZE):
        send(data[at:at + DRIP_SIZE])
        if not connection.wait(DRIP_SECONDS):
            return


def endless_headers(connection, answer, send):
    send(answer.head())
    while True:
        send(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def endless_body(connection, answer, send):
    answer.put("Content-Length", None)
    send(answer.head() + b"\r\n")
    while True:
        send(b" " * CHUNK)


CUT_ANSWERS = {"truncated": truncated, "stall-body": stall_body, "drip": drip,
               "endless-headers": endless_headers, "endless-body": endless_body}


def say_goodbye(connection):
    """close_notify, then FIN."""
    connection.socket.settimeout(0)
    try:
        connection.socket.unwrap()
    except OSError:
        pass    # it is sent; what would be waited for is the peer's
    connection.close()
