# SPDX-License-Identifier: MIT
"""syscalls - has the kernel not do some system calls of a program, and say what a test wants instead."""

import errno
import platform
import sys

import pytest

NUMBERS = {"x86_64": {"getsockopt": 55, "pidfd_open": 434, "prctl": 157, "prlimit64": 302,
                      "setsockopt": 54},
           "aarch64": {"getsockopt": 209, "pidfd_open": 434, "prctl": 167, "prlimit64": 261,
                       "setsockopt": 208}}

SO_PASSRIGHTS = 83      # Linux 6.16 (asm-generic/socket.h)

# NUMBER ARGUMENT VALUE ERRNO ... -- PROGRAM...: that call with that value as its argument (counted
# from 0) fails so; with 0, it says that it was done. By a filter of seccomp(2).
LAUNCH = """
import ctypes, os, struct, sys
LOAD, EQUAL, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
NUMBER, ARGUMENTS = 0, 16               # in a struct seccomp_data
end = sys.argv.index("--")
rules = list(map(int, sys.argv[1:end]))
steps = []
for i in range(0, len(rules), 4):
    number, argument, value, error = rules[i:i + 4]
    steps += [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, number),
              (LOAD, 0, 0, ARGUMENTS + 8 * argument), (EQUAL, 0, 1, value),
              (RETURN, 0, 0, ERRNO | error)]
steps.append((RETURN, 0, 0, ALLOW))
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert libc.prctl(SECCOMP, FILTER, program) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


def without_pidfds():
    """As under valgrind, and before Linux 5.3."""
    return instead_of(("pidfd_open", 1, 0, errno.ENOSYS))


def without_refusing_rights():
    """As before Linux 6.16, which cannot have SCM_RIGHTS refused."""
    return instead_of(("setsockopt", 2, SO_PASSRIGHTS, errno.ENOPROTOOPT))


def instead_of(*rules):
    """What starts a program in which RULES hold: (name of the call, argument, value, errno)."""
    numbers = NUMBERS.get(platform.machine())
    if not numbers:
        pytest.skip("the numbers of system calls are not known here")
    words = [str(word) for name, *rest in rules for word in [numbers[name], *rest]]
    return [sys.executable, "-c", LAUNCH, *words, "--"]
