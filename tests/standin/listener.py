# SPDX-License-Identifier: MIT
"""listener - accepts connections and gives each a thread of its own, until it is stopped.

Owns the listening socket, the connections and the threads. Nothing that a peer does, or does not
do, keeps another peer waiting, or keeps stop() from returning, which shuts down what is open.
"""

import os
import select
import socket
import struct
import threading
import time

BACKLOG = 1024
STOP_TIMEOUT = 10
LINGER = 1
LINGER_READS = 64
AT_ONCE = struct.pack("ii", 1, 0)


class Connection:
    """One peer. `socket` may be replaced by what wraps it."""

    def __init__(self, sock):
        self.socket = sock

    def wait(self, seconds=None):
        """Until SECONDS are over (None: for ever), or the peer hangs up, or shut_down(). True if it
        was the time."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        return not poll.poll(None if seconds is None else seconds * 1000)

    def reset(self):
        """Closes it by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.socket.close()

    def close(self):
        """Closes it by FIN. What the peer still sends is read first: unread, it would make an RST
        of it, which can overtake the answer."""
        self.socket.settimeout(LINGER)
        socket.socket.shutdown(self.socket, socket.SHUT_WR)
        for _ in range(LINGER_READS):
            if not socket.socket.recv(self.socket, 65536):
                break
        self.socket.close()

    def shut_down(self):
        """Wakes up whoever reads, writes or waits for it. Below TLS, which has a state to keep."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass    # it is closed, or was never quite open


class Listener:
    def __init__(self, sock, serve):
        """Takes SOCK over; SERVE gets a Connection, in a thread, and may leave it open."""
        self._socket = sock
        self._serve = serve
        self._stopping = os.eventfd(0, os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._live = {}     # thread -> connection
        sock.listen(BACKLOG)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._stopping, select.POLLIN)
        while all(fd != self._stopping for fd, _ in poll.poll()):
            try:
                sock, _ = self._socket.accept()
            except ConnectionError:
                continue    # it left before it was accepted
            connection = Connection(sock)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            with self._lock:
                self._live[thread] = connection
            thread.start()

    def _run(self, connection):
        try:
            self._serve(connection)
        except OSError:
            pass    # the peer went, or was cut off by stop(): its right, its own loss
        finally:
            connection.socket.close()
            with self._lock:
                del self._live[threading.current_thread()]

    def stop(self):
        os.eventfd_write(self._stopping, 1)
        self._acceptor.join()
        self._socket.close()
        with self._lock:
            live = dict(self._live)
        deadline = time.monotonic() + STOP_TIMEOUT
        for thread, connection in live.items():
            # More than once: the socket may just be about to be replaced by its TLS wrapper.
            while thread.is_alive():
                if time.monotonic() > deadline:
                    raise RuntimeError("a connection of the stand-in does not end")
                connection.shut_down()
                thread.join(0.1)
        os.close(self._stopping)
