# SPDX-License-Identifier: MIT
"""broker - a real bearerd in the foreground, in a directory of its own, with its configuration.

Owns the process and everything in the directory. Whatever a test does with it, finish() looks at
the end of it: a clean exit, no report of a sanitizer, no secret and no token in anything it said.
"""

import base64
import os
import re
import signal
import subprocess

from notifications import Notifications
from pace import TIMEOUT, until
from unixhttp import UnixHTTPConnection

UNIX_PATH_MAX = 107
SANITIZER = re.compile(r"(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error: ")
# What must not come in from whoever runs the tests.
FOREIGN = re.compile(r"BEARERD_|LISTEN_|NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM|"
                     r"CREDENTIALS_DIRECTORY|(?i:[a-z]+_proxy)$")


class Broker:
    def __init__(self, programs, directory, endpoint, environment):
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.socket = directory / "token.sock"
        self.config_file = directory / "bearerd.conf"
        self.log_file = directory / "log"
        # {section: {key: value}}; a value that is None leaves its key out. See write_config().
        self.config = {"broker": {"socket": self.socket}}
        self.arguments = ["--config", self.config_file, "--socket", self.socket,
                          "--fetch", programs.fetch]
        self.wrapper = []           # what starts it, if not we ourselves: ["prlimit", "--core=0"]
        self._program = programs.bearerd
        self._endpoint = endpoint
        self.credentials = set()    # files that hold one
        self._secrets = set()
        self._environment = self._clean_environment() | environment
        self._process = None
        self._is_to_end = True      # it has ended, or a test ended it
        self._said = []             # the messages of processes before this one
        self._notifications = None
        assert len(str(self.socket)) <= UNIX_PATH_MAX, f"{self.socket} is too long a path"

    # Configuration. Takes effect at start() or reload().

    def credential(self, name, value):
        """Writes VALUE to a file that only we can read; what a configuration calls it."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(value)
        self.credentials.add(str(path))
        return f"file:{path}"

    def secret(self, name, client_id, value):
        """A credential() that is looked for in all that bearerd says."""
        self._secrets |= {value, base64.b64encode(f"{client_id}:{value}".encode()).decode()}
        return self.credential(name, value)

    def add_token(self, name, **keys):
        """A section of its own for a token from the endpoint, with KEYS over the defaults."""
        client_id, secret = self._endpoint.client_id, self._endpoint.client_secret
        self.config[f"token {name}"] = {
            "token_url": self._endpoint.token_url,
            "tls_ca_file": self._endpoint.ca_file,
            "scope": "athena/service/Athenanet.MDP.*",
            "basic_encoding": "raw",
            "practice_id": "195900",
            "client_id": self.credential(f"{name}.client_id", client_id),
            "client_secret": self.secret(f"{name}.client_secret", client_id, secret),
            **keys,
        }

    def write_config(self):
        lines = []
        for section, keys in self.config.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}" for key, value in keys.items() if value is not None]
        self.config_file.write_text("\n".join(lines) + "\n")

    # The process.

    def launch(self):
        """Starts it, without waiting for anything."""
        self._keep_messages()
        self._notifications = Notifications(self.directory / "notify.sock")
        environment = self._environment | {"NOTIFY_SOCKET": str(self._notifications.path)}
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, self._program, *self.arguments], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment, cwd=self.directory,
                start_new_session=True)
        self._is_to_end = False
        self._notifications.watch(self._process.pid)

    def start(self):
        """Writes the configuration, starts it, and waits until it says that it serves."""
        self.write_config()
        self.launch()
        self.wait_for_notify(lambda messages: any(each.get("READY") == "1" for each in messages),
                             "READY=1")

    def reload(self):
        """SIGHUP, until it says that it is done with it: with the new configuration or the old."""
        seen = len(self.notify)
        self.signal(signal.SIGHUP)

        def is_done(messages):
            keys = [key for each in messages[seen:] for key in each]
            return "RELOADING" in keys and "READY" in keys[keys.index("RELOADING"):]

        self.wait_for_notify(is_done, "RELOADING=1, then READY=1")

    def stop(self):
        """SIGTERM; its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout=TIMEOUT):
        """Until it has ended, which is what the test expects; its exit status."""
        self._is_to_end = True
        return self._process.wait(timeout)

    def signal(self, number):
        self._process.send_signal(number)

    @property
    def pid(self):
        return self._process.pid

    def fetchers(self):
        """The pids of the bearerd-fetch that it has started and that have not ended."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as children:
            return [int(pid) for pid in children.read().split()]

    # What it says.

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_for_log(self, pattern, timeout=TIMEOUT):
        """Until its log matches; the match."""
        return until(lambda: re.search(pattern, self.log()), timeout,
                     lambda: f"{pattern!r} is not in the log:\n{self.log()}")

    def wait_for_fetchers(self, timeout=TIMEOUT):
        """Until one bearerd-fetch at least is running; their pids."""
        return until(self.fetchers, timeout, lambda: "no bearerd-fetch is running")

    @property
    def notify(self):
        """All that it has told the service manager since it was started last."""
        return list(self._notifications.messages)

    @property
    def status(self):
        """What STATUS= said last; "" before."""
        said = [each["STATUS"] for each in self.notify if "STATUS" in each]
        return said[-1] if said else ""

    def wait_for_notify(self, condition, what, timeout=TIMEOUT):
        self._notifications.wait_for(condition, timeout, what)

    def wait_for_status(self, pattern, timeout=TIMEOUT):
        self.wait_for_notify(lambda _: re.search(pattern, self.status), f"STATUS={pattern}",
                             timeout)

    # As a worker sees it.

    def connect(self):
        return UnixHTTPConnection(self.socket)

    def get(self, path, headers=None):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.get(path, headers)

    def begin(self, path):
        """Sends a request and leaves it at that: the answer is connection.answered()."""
        connection = self.connect()
        connection.request("GET", path)
        return connection

    def shown(self, name="athena"):
        """What GET /v1/tokens says of that token."""
        return next(each for each in self.get("/v1/tokens").body["tokens"] if each["name"] == name)

    def wait_for_waiting(self, n, name="athena"):
        """Until N requests wait for that token."""
        until(lambda: self.shown(name)["waiting"] == n, explain=lambda: f"{self.shown(name)}")

    def overhear(self, text):
        """What somebody was told besides: it is looked at in the end as what it says itself."""
        self._said.append(text)

    # The end.

    def finish(self):
        """Ends it, and returns what is wrong about how it went: a list of texts."""
        if not self._process:
            return []
        found = self._end()
        self._keep_messages()
        self._kill_leftovers()
        return found + self._sanitizer_reports() + self._leaks()

    def _end(self):
        status = self._process.poll()
        if status is not None:
            return [] if self._is_to_end else [f"bearerd ended by itself, with {status}"]
        try:
            status = self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            return ["bearerd does not end at SIGTERM"]
        return [f"bearerd ended with {status} at SIGTERM"] if status else []

    def _keep_messages(self):
        if self._notifications:
            assert self._process.poll() is not None, "bearerd is still running"
            self._notifications.close()
            self._said += self._notifications.messages
            self._notifications = None

    def _kill_leftovers(self):
        """A bearerd that was killed leaves its bearerd-fetch running, for longer than a test."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _sanitizer_reports(self):
        files = self.directory.glob("sanitizer.*")
        reports = [each.read_text(errors="replace") for each in files]
        reports += [self.log()] if SANITIZER.search(self.log()) else []
        return ["a sanitizer reports:\n" + each for each in reports]

    def _leaks(self):
        said = self.log() + repr(self._said)
        found = [f"a secret is in what bearerd said: {secret!r}"
                 for secret in sorted(self._secrets) if secret in said]
        # Parts of a token, too: its signature cannot be there by chance.
        return found + [f"a token is in what bearerd said: {token!r}"
                        for token in self._endpoint.tokens
                        if token in said or token[-40:] in said]

    def _clean_environment(self):
        environment = {name: value for name, value in os.environ.items()
                       if not FOREIGN.match(name)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            options = filter(None, [environment.get(name), f"log_path={self.directory}/sanitizer"])
            environment[name] = ":".join(options)
        return environment
