# SPDX-License-Identifier: MIT
"""notifications - the receiver's end of sd_notify(3), which also sees the process end.

Owns the socket and a thread. Descriptors that are sent along (FDSTORE, BARRIER) are closed at once.
"""

import os
import select
import socket
import threading

MESSAGE_MAX = 65536


class Notifications:
    def __init__(self, path):
        self.path = path
        self.messages = []          # each a dictionary: {"READY": "1", "STATUS": "..."}
        self.ended = False          # the process is
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._thread = None

    def watch(self, pid):
        self._thread = threading.Thread(target=self._watch, args=(os.pidfd_open(pid),), daemon=True)
        self._thread.start()

    def _watch(self, process):
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(process, select.POLLIN)
        ended = False
        while not ended:
            ended = process in dict(poll.poll())
            self._receive()         # also what came before the end
        os.close(process)
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _receive(self):
        while True:
            try:
                data = self._socket.recv(MESSAGE_MAX)
            except BlockingIOError:
                return
            lines = data.decode().splitlines()
            with self._changed:
                self.messages.append(dict(line.split("=", 1) for line in lines))
                self._changed.notify_all()

    def wait_for(self, condition, timeout, what):
        """Until CONDITION(messages) is true. AssertionError after TIMEOUT seconds, or at once when
        the process has ended without it."""
        with self._changed:
            self._changed.wait_for(lambda: condition(self.messages) or self.ended, timeout)
            if not condition(self.messages):
                why = "the process ended" if self.ended else f"not within {timeout} s"
                raise AssertionError(f"no {what}: {why}; it said {self.messages}")

    def close(self):
        """After the process has ended."""
        if self._thread:
            self._thread.join()
        self._socket.close()
        self.path.unlink()
