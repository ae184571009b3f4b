# SPDX-License-Identifier: MIT
"""recording - bearerctl status on a terminal of its own, beside a real bearerd that has something to
show: a token that a worker asks for all the time, one that nobody asks for, and one that two wait for,
whose endpoint is out of order."""

import contextlib
import threading

from programs import Bearerd
from stage import Stage
from standin import SCOPE, Standin
from unixhttp import UnixHTTPConnection
from viewer import Viewer

COMMAND = "bearerctl status"
COLUMNS, LINES = 100, 24
PACE = 0.002    # seconds between a worker's questions
WAITERS = 2
TIMEOUT = 60    # for what takes two seconds: sanitizers and a busy machine are slow

SECTION = """\
[token {name}]
token_url = {endpoint.token_url}
tls_ca_file = {endpoint.ca_file}
scope = {scope}
basic_encoding = raw
client_id = {endpoint.client_id}
client_secret = file:{secret}
default = {default}
requests_per_minute = 600
retry_min = 1min
retry_max = 1min
"""
# All that is to be seen: the rates are there, too.
PATTERN = r"""^athena \*  .* [1-9]\d*\.\d +0 +\d+ of 600
billing   .* 0\.0 +0 +\d+ of 600
preview   no token .* 0\.0 +2 +\d+ of 600
  .*, failed: HTTP 503"""


def configuration(stage, endpoints):
    secret = stage.write("client_secret", next(iter(endpoints.values())).client_secret)
    return stage.write("bearerd.conf", "".join(
        SECTION.format(name=name, endpoint=endpoint, scope=SCOPE, secret=secret,
                       default="yes" if name == "athena" else "no")
        for name, endpoint in endpoints.items()))


@contextlib.contextmanager
def busy_worker(socket):
    is_over = threading.Event()

    def ask():
        with UnixHTTPConnection(socket) as connection:
            while not is_over.wait(PACE):
                connection.get("/v1/token")

    worker = threading.Thread(target=ask)
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()


@contextlib.contextmanager
def waiters(socket, name):
    with contextlib.ExitStack() as connections:
        for _ in range(WAITERS):
            connection = connections.enter_context(UnixHTTPConnection(socket))
            connection.request("GET", f"/v1/tokens/{name}?wait=60")
        yield


def record(build):
    """The lines of the screen."""
    with Stage() as stage, Standin(stage.directory / "good") as good, \
            Standin(stage.directory / "bad") as bad:
        bad.behave("503")
        control = stage.directory / "control.sock"
        bearerd = Bearerd(stage, build, ["--control", control, "--config", configuration(
            stage, {"athena": good, "billing": good, "preview": bad})])
        program, *arguments = COMMAND.split()
        with busy_worker(bearerd.socket), waiters(bearerd.socket, "preview"), \
                Viewer([build / "client" / program, "--socket", bearerd.socket,
                        "--control", control, *arguments], COLUMNS, LINES) as viewer:
            viewer.wait_for(PATTERN, TIMEOUT)
            return viewer.screen()
