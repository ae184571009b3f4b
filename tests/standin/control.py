# SPDX-License-Identifier: MIT
"""control - lets a shell command a Standin, over a Unix socket in its directory.

Which commands there are is in COMMANDS; standin.py tells how to give them.
"""

import json
import socket
from urllib.parse import parse_qsl, urlsplit

from behaviour import Behaviour
from http_message import Answer, Malformed, read_request
from listener import Listener
from sending import dress


class Control:
    """Lets a shell command a Standin, over a Unix socket."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._path = endpoint.directory / "control.sock"
        self._path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(self._path))
        self._listener = Listener(sock, self._serve)

    def stop(self):
        self._listener.stop()
        self._path.unlink()

    def _serve(self, connection):
        try:
            request = read_request(connection.socket.recv)
            if request is None:
                return
            status, text = 200, self._run(request)
        except (Malformed, ValueError, TypeError) as why:
            status, text = 400, str(why)
        except TimeoutError as why:
            status, text = 504, str(why)
        answer = Answer(status, f"{text}\n".encode(), {"Content-Type": "text/plain"})
        dress(answer, Behaviour())
        connection.socket.sendall(answer.render())
        connection.close()

    def _run(self, request):
        url = urlsplit(request.target)
        command = self.COMMANDS.get((request.method, url.path))
        if not command:
            known = ", ".join(f"{method} {path}" for method, path in self.COMMANDS)
            raise ValueError(f"there is no {request.method} {url.path}; there are {known}")
        arguments = dict(parse_qsl(url.query, strict_parsing=True)) if url.query else {}
        if request.body:
            arguments |= json.loads(request.body)
        result = command(self._endpoint, **arguments)
        return "done" if result is None else result

    COMMANDS = {
        ("POST", "/next"): lambda endpoint, **told: endpoint.next(**told),
        ("POST", "/behave"): lambda endpoint, **told: endpoint.behave(**told),
        ("POST", "/normal"): lambda endpoint: endpoint.normal(),
        ("POST", "/revoke-all"): lambda endpoint: endpoint.revoke_all(),
        ("POST", "/certificate"): lambda endpoint, kind: endpoint.use_certificate(kind),
        ("POST", "/describe"): lambda endpoint, **said: endpoint.describe(**said),
        ("POST", "/register"): lambda endpoint, **told: endpoint.register(**told),
        ("GET", "/count"): lambda endpoint, on="token": len(endpoint.records(on)),
        ("GET", "/wait"): lambda endpoint, n, timeout=10, on="token":
            endpoint.wait_for_requests(int(n), float(timeout), on),
    }
