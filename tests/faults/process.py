# SPDX-License-Identifier: MIT
"""process - a program with faults.so in it, and the service manager that it believes in.

Owns the process, its end of $NOTIFY_SOCKET, and the descriptors that it has asked to be kept. All is
done by whoever waits: there is no thread.
"""

import fcntl
import os
import re
import select
import signal
import socket
import time

SANITIZER = re.compile(r"Sanitizer|runtime error: ")
DEADLINE = 20       # for what takes milliseconds: sanitizers and a busy machine are slow
MESSAGE_MAX = 65536


class Hung(Exception):
    """Something did not happen in time."""


def out_of_the_way(fd):
    """A duplicate that none of the numbers from 3 on is."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)


class Process:
    made = 0

    def __init__(self, directory, argv, environment, secrets, passed=(), stdin=None):
        """SECRETS: a pattern of what it must not say. PASSED: descriptors that it has from 3 on."""
        self.directory = directory
        self.secrets = secrets
        Process.made += 1
        self.log_path = directory / f"log-{Process.made}"
        self.said = []              # what it told the service manager, in order
        self.kept = []              # descriptors that it handed over: (name, fd)
        self.removed = []           # names that it asked to forget
        self.status = None          # once it has ended: as os.waitstatus_to_exitcode() has it
        path = directory / "notify.sock"
        path.unlink(missing_ok=True)
        self._log = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(path))
        actions = [(os.POSIX_SPAWN_OPEN, 1, str(self.log_path),
                    os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                   (os.POSIX_SPAWN_DUP2, 1, 2)]
        if stdin is None:
            actions.append((os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, stdin, 0))
        actions += [(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(passed)]
        self.pid = os.posix_spawn(argv[0], [str(each) for each in argv],
                                  {**environment, "NOTIFY_SOCKET": str(path)},
                                  file_actions=actions)
        self.pidfd = self._pidfd = os.pidfd_open(self.pid)
        self._poll = select.poll()
        self._poll.register(self._notify, select.POLLIN)
        self._poll.register(self._pidfd, select.POLLIN)

    def _receive(self):
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self._notify, MESSAGE_MAX, 8)
            except BlockingIOError:
                return
            message = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.said.append(message)
            if "FDSTORE" in message:
                self.kept += [(message.get("FDNAME", ""), out_of_the_way(fd)) for fd in fds]
            if "FDSTOREREMOVE" in message:
                self.removed.append(message["FDNAME"])
                for each in [one for one in self.kept if one[0] == message["FDNAME"]]:
                    self.kept.remove(each)
                    os.close(each[1])
            for fd in fds:
                os.close(fd)

    def wait_for(self, condition, what, deadline=DEADLINE, period=None):
        """Until CONDITION() or the end of the process; whether it is true. PERIOD: looks at it every
        so many seconds, not only when something is told."""
        end = time.monotonic() + deadline
        while True:
            self._receive()
            if condition():
                return True
            if self.status is not None:
                return False
            left = end - time.monotonic()
            if left <= 0:
                raise Hung(f"{what}: not within {deadline} s")
            ready = dict(self._poll.poll(1000 * min(left, period or left)))
            if self._pidfd in ready:
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def has_ended(self, within=0):
        """Whether it has, or does WITHIN seconds."""
        try:
            self.wait_for(lambda: self.status is not None, "", max(within, 0.001))
        except Hung:
            return False
        return True

    def told(self, key, value="1"):
        return any(each.get(key) == value for each in self.said)

    def wait(self, deadline=DEADLINE):
        self.wait_for(lambda: self.status is not None, "its end", deadline)
        return self.status

    def signal(self, number):
        if self.status is None:
            os.kill(self.pid, number)

    def end(self):
        """Whatever is with it."""
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                self.wait()
            except ProcessLookupError:
                pass
        self._log = self.log() or " "
        self.log_path.unlink()
        os.close(self._pidfd)
        self._notify.close()
        for _, fd in self.kept:
            os.close(fd)
        self.kept = []

    def log(self):
        return self._log or self.log_path.read_text(errors="replace")

    def reports(self):
        """Of sanitizers, of it and its children; and of secrets in what it has said."""
        found = []
        for path in self.directory.glob("sanitizer.*"):
            found.append("a sanitizer reports: " + path.read_text(errors="replace"))
            path.unlink()
        if SANITIZER.search(self.log()):
            found.append("a sanitizer reports: " + self.log())
        if self.secrets.search(self.log()):
            found.append("it has said a secret")
        return found
