# SPDX-License-Identifier: MIT
"""activation - hands sockets to a bearerd as systemd does."""

import sys

# As systemd does it (sd_listen_fds(3)): a socket for each PATH=NAME=TYPE, from descriptor 3 on.
ACTIVATE = """
import fcntl, os, socket, sys
n = int(sys.argv[1])
sockets = [each.rsplit("=", 2) for each in sys.argv[2:2 + n]]
made = []
for path, _, kind in sockets:
    one = socket.socket(socket.AF_UNIX, getattr(socket, kind))
    one.bind(path)
    if kind != "SOCK_DGRAM":
        one.listen()
    made.append(fcntl.fcntl(one, fcntl.F_DUPFD, 50))    # out of the way of the first ones
for i, fd in enumerate(made):
    os.dup2(fd, 3 + i)
    os.set_inheritable(fd, False)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(n),
                  LISTEN_FDNAMES=":".join(name for _, name, _ in sockets))
os.execv(sys.argv[2 + n], sys.argv[2 + n:])
"""


def activate(bearerd, *sockets):
    """From its start on it has SOCKETS: (path, name, type)."""
    bearerd.wrapper = [sys.executable, "-c", ACTIVATE, str(len(sockets)),
                       *["=".join(map(str, each)) for each in sockets]]
