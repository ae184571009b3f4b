# SPDX-License-Identifier: MIT
"""languages - how each binding's programs are built and started: its driver, and the example.

A Driver is such a program, drivers/driver.*, which does to its binding what it is told, one command
a line, `["get", {"name": "athena", "timeout": 5}]`, and answers in JSON:

    open socket, max_age    makes the handle; all times are in seconds
    get name, timeout       {"value": ..., "generation": ...} or {"error": "Denied", ...}
    renew timeout           of what it got last
    together n, what        n at the same time, by what the language has for that
    beside timeout          one asks for that long, and a moment later another for ten times as long
    canceled                two ask at the same time, and one of them gives up
    canceled_alone after    one asks, gives up then, and asks again, and a moment later another
    fork                    [what a child gets, what the parent gets]
    child                   {"pid": ..., "got": what a child gets, "sockets": it has then, "own": we have}
    idle_child              {"pid": ...}, of one that does nothing
    close                   follows nothing any more; {"ended": goroutines} in Go
    shown                   the last token by all ways in which values are shown
    call method, url, body  by the HTTP client of the language, with the binding's help, for no longer
                            than a timeout
"""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CLIENT, EXAMPLES = ROOT / "client", ROOT / "docs/examples"
LANGUAGES = ("python", "node", "php", "go")
CONCURRENT = ("python", "node", "go")
CANCELING = ("node", "go")
CLOSING = ("python", "node", "go")  # what PHP keeps is its process's
FORKING = ("python", "php")
ZERO = ("python", "node", "php")    # where a timeout may be 0, or wrong: a context of Go is neither
SUFFIXES = {"python": ".py", "node": ".mjs", "php": ".php", "go": ".go"}
# Another one than that of the tests; of the other languages, the first that PATH has is taken.
PYTHON = os.environ.get("PYTHON", sys.executable)
TIMEOUT = 60
GO = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}


class Programs:
    """Of all languages; what is compiled is so once, in DIRECTORY, with caches in BUILD."""

    def __init__(self, directory, build):
        self._directory = directory
        self.go_environment = GO | {"GOCACHE": str(build / "go-cache")}
        self._built = {}

    def command(self, language, source):
        """What runs SOURCE, a path without its suffix."""
        source = source.with_suffix(SUFFIXES[language])
        if language == "go":
            return [self._go(source)]
        return [{"python": PYTHON, "node": "node", "php": "php"}[language],
                *self.options(language), source]

    def options(self, language):
        return ["-d", "zend.exception_ignore_args=0"] if language == "php" else []

    def environment(self, ca_file=None):
        """For a program that trusts CA_FILE, if there is one."""
        environment = {"PYTHONPATH": str(CLIENT / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
        if ca_file:
            environment |= {"SSL_CERT_FILE": str(ca_file), "NODE_EXTRA_CA_CERTS": str(ca_file),
                            "CURL_CA_BUNDLE": str(ca_file), "REQUESTS_CA_BUNDLE": str(ca_file),
                            "PHP_INI_SCAN_DIR": self._php_ini(ca_file)}
        return environment

    def _php_ini(self, ca_file):
        folder = self._directory / "php"
        folder.mkdir(exist_ok=True)
        (folder / "ca.ini").write_text(f"curl.cainfo = {ca_file}\nopenssl.cafile = {ca_file}\n")
        return f":{folder}"

    def _go(self, source):
        if source not in self._built:
            module = self._directory / f"go-{source.stem}"
            module.mkdir()
            (module / source.name).write_text(source.read_text())
            for command in (["mod", "init", "worker"],
                            ["mod", "edit", "-require=bearerd/bearer@v0.0.0",
                             f"-replace=bearerd/bearer={CLIENT / 'go/bearer'}"],
                            ["build", "-o", "program"]):
                subprocess.run(["go", *command], cwd=module, check=True, capture_output=True,
                               env=os.environ | self.go_environment, timeout=600)
            self._built[source] = module / "program"
        return self._built[source]


class Driver:
    def __init__(self, command, environment):
        self._process = subprocess.Popen(command, env=os.environ | environment, text=True, bufsize=1,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, what, /, **arguments):
        arguments = {name: value for name, value in arguments.items() if value is not None}
        self._process.stdin.write(json.dumps([what, arguments]) + "\n")

    def answer(self):
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT)
        assert ready, "the driver does not answer"
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait()}"
        return json.loads(line)

    def __call__(self, what, /, **arguments):
        self.begin(what, **arguments)
        return self.answer()

    def token(self, **arguments):
        """A get() that must succeed."""
        return good(self("get", **arguments))

    def error(self, what="get", /, **arguments):
        """What a call fails with, by name."""
        answer = self(what, **arguments)
        assert "error" in answer, answer
        return answer["error"]

    @property
    def pid(self):
        return self._process.pid

    def timed(self, what, /, **arguments):
        """The answer, and how many seconds it took."""
        start = time.monotonic()
        answer = self(what, **arguments)
        return answer, time.monotonic() - start

    def close(self):
        self._process.stdin.close()
        try:
            return self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return "it does not end"
        finally:
            self._process.stdout.close()


def good(answer):
    assert "error" not in answer, answer
    return answer
