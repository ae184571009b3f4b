# SPDX-License-Identifier: MIT
"""workers - processes that ask bearerd for the token all the time, as the workers of a host do.

Each is this file as a program, `workers.py SOCKET`: it asks on one connection until its standard
input ends, once more then, and prints all answers as JSON.
"""

import json
import subprocess
import sys
import threading
import time
from collections import namedtuple

from unixhttp import UnixHTTPConnection

PAUSE = 0.005       # between an answer and the next request
TAIL = 24           # so much of a token tells which one it is

# `asked` and `answered` are times of time.monotonic(), which all processes share.
Answer = namedtuple("Answer", "asked answered status generation token expires_in")


class Workers:
    """N of them, from the first answer of each to the end of `with`; `answers` are then there, a
    list for each worker. The last of each was asked for when `with` was at its end."""

    def __init__(self, bearerd, n):
        self.answers = []
        self._processes = [subprocess.Popen([sys.executable, __file__, bearerd.socket],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                           for _ in range(n)]

    def __enter__(self):
        for process in self._processes:
            assert process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            process.stdin.close()
        for process in self._processes:
            with process:
                self.answers.append([Answer(*each) for each in json.load(process.stdout)])

    @property
    def all_answers(self):
        return [each for answers in self.answers for each in answers]


def times_of_tokens(endpoint):
    """When each token was asked for, by its tail: bearerd sent the request before that."""
    times = [each.time for each in endpoint.token_requests if each.status == 200]
    return {token[-TAIL:]: when for token, when in zip(endpoint.tokens, times, strict=True)}


def assert_good(answers, endpoint, life):
    """Each of ANSWERS is a token that lives for LIFE seconds from its request on, and no more."""
    times = times_of_tokens(endpoint)
    assert {each.status for each in answers} == {200}
    late = [each for each in answers if each.asked >= times[each.token] + life]
    assert not late


def ask(connection):
    asked = time.monotonic()
    answered = connection.get("/v1/token")
    token = answered.body.get("access_token", "")
    return Answer(asked, time.monotonic(), answered.status, answered.body.get("generation"),
                  token[-TAIL:], answered.body.get("expires_in"))


def main():
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    with UnixHTTPConnection(sys.argv[1]) as connection:
        answers = [ask(connection)]
        print("ready", flush=True)
        while not is_over.wait(PAUSE):
            answers.append(ask(connection))
        answers.append(ask(connection))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
