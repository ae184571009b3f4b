# SPDX-License-Identifier: MIT
"""What bearerctl does where it is told of a token and does not get it. A bearerd cannot be made
busy at that moment: a peer is in its place."""

import json
import subprocess
import sys
from pathlib import Path

from pace import until

sys.path.append(str(Path(__file__).parent.parent / "bindings"))

from peers import Peer, answer, token  # noqa: E402

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
BUSY = answer(429, {"error": "too_many_requests"})
FIRST = {"access_token": "one", "generation": 1}
SECOND = {"access_token": "two", "generation": 2}


def event(generation):
    data = {"name": "athena", "generation": generation, "expires_at": 1790000000,
            "expires_in": 3600}
    return f"id: {generation}\nevent: token\ndata: {json.dumps(data)}\n\n".encode()


def test_token_that_was_told_of_is_asked_for_until_it_is_had(programs, tmp_path):
    """Told of once, on a stream that goes on."""
    answers = [token(**FIRST), BUSY, BUSY]  # then the second one

    def serve(peer, connection):
        while True:
            peer.read_request(connection)
            if "/events" not in peer.requests[-1]:
                connection.sendall(answers.pop(0) if answers else token(**SECOND))
                continue
            connection.sendall(HEAD + event(2))

    file = tmp_path / "token"
    with Peer(tmp_path / "sock", serve) as peer:
        peer.accept()
        with subprocess.Popen([programs.bearerctl, "--socket", peer.path, "write", file],
                              stderr=subprocess.PIPE, text=True) as process:
            try:
                until(lambda: file.exists() and file.read_text() == "two",
                      explain=lambda: f"{peer.requests} {answers}")
            finally:
                process.terminate()
            _, said = process.communicate(timeout=20)
        assert [each for each in peer.requests if "/events" in each] == \
            ["GET /v1/tokens/athena/events?after=0 HTTP/1.1"]
    assert process.returncode == 0
    assert said.count("\n") == 1 and "too many requests" in said
