#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""burden - a descriptor that takes whoever drops it an hour, to be passed along with bytes (SCM_RIGHTS):
a TCP socket that lingers (SO_LINGER), for what it has sent is not read. Who ends does not linger.

    burden.py SOCKET    asks for a token at SOCKET and passes one along; prints "passed", and the status
                        of the answer, or else "refused"; and "dropped" once the burden is
"""

import contextlib
import os
import socket
import struct
import sys

LINGER = struct.pack("ii", 1, 3600)
PATIENCE = 120
GET = b"GET /v1/token HTTP/1.1\r\n\r\n"


def make():
    """A burden, and who would read what it has sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        burden = socket.create_connection(listener.getsockname())
        reader, _ = listener.accept()
    burden.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    burden.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            burden.send(bytes(65536))
    return burden, reader


def wait_until_dropped(reader):
    """The kernel may drop what it has sent, too (tcp_max_orphans)."""
    with reader, contextlib.suppress(ConnectionResetError):
        reader.settimeout(PATIENCE)
        while reader.recv(1 << 20):
            pass


def pass_and_end(peer, burden):
    """By a process that has it alone, and ends: nobody else's is left. Whether it may."""
    waits, goes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(goes)
        os.read(waits, 1)
        try:
            socket.send_fds(peer, [GET], [burden.fileno()])
        except PermissionError:
            os._exit(1)
        os._exit(0)
    burden.close()
    os.write(goes, b"!")
    _, status = os.waitpid(pid, 0)
    return status == 0


def main(path):
    burden, reader = make()
    with socket.socket(socket.AF_UNIX) as worker:
        worker.connect(path)
        worker.settimeout(PATIENCE)
        if pass_and_end(worker, burden):
            print("passed", end=" ", flush=True)
            print(worker.recv(4096).split()[1].decode(), end=" ")
        else:
            print("refused", end=" ")
    wait_until_dropped(reader)
    print("dropped")


if __name__ == "__main__":
    main(sys.argv[1])
