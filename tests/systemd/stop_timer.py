#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""stop_timer PID - the timers of the process PID never fire again, as long as it lives: each timerfd of
its is disarmed a thousand times a second, from outside, as root (pidfd_getfd(2), timerfd_settime(2)).
"""

import ctypes
import os
import sys
import time

SYS_pidfd_getfd = 438
libc = ctypes.CDLL(None, use_errno=True)


def timers(pid):
    pidfd = os.pidfd_open(pid)
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{fd}") == "anon_inode:[timerfd]":
            stolen = libc.syscall(SYS_pidfd_getfd, pidfd, int(fd), 0)
            if stolen < 0:
                sys.exit(os.strerror(ctypes.get_errno()))
            yield stolen


def main():
    pid = int(sys.argv[1])
    stolen = list(timers(pid))
    disarmed = (ctypes.c_long * 4)()  # struct itimerspec
    if not stolen:
        sys.exit(f"{pid} has no timers")
    while os.path.exists(f"/proc/{pid}"):
        for fd in stolen:
            libc.timerfd_settime(fd, 0, disarmed, None)
        time.sleep(0.001)


if __name__ == "__main__":
    main()
