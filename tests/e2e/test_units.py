# SPDX-License-Identifier: MIT
"""allow_units where nobody can be known by a unit: what systemd does is in tests/systemd."""

import platform
import sys

import pytest

# getsockopt(SO_PEERPIDFD) fails as it does before Linux 6.5: argument 1 is getsockopt's number.
OLD_KERNEL = """
import ctypes, os, struct, sys
SO_PEERPIDFD, ENOPROTOOPT = 77, 92
LOAD, EQUAL, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
NUMBER, THIRD_ARGUMENT = 0, 32          # in a struct seccomp_data
steps = [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, int(sys.argv[1])),
         (LOAD, 0, 0, THIRD_ARGUMENT), (EQUAL, 0, 1, SO_PEERPIDFD),
         (RETURN, 0, 0, ERRNO | ENOPROTOOPT), (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert libc.prctl(SECCOMP, FILTER, program) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[2], sys.argv[2:])
"""
GETSOCKOPT = {"x86_64": 55, "aarch64": 209}


@pytest.fixture
def old_kernel():
    if platform.machine() not in GETSOCKOPT:
        pytest.skip("the number of getsockopt is not known here")
    return [sys.executable, "-c", OLD_KERNEL, str(GETSOCKOPT[platform.machine()])]


def line_of(bearerd, key):
    written = bearerd.config_file.read_text().splitlines()
    return next(n for n, line in enumerate(written, 1) if line.startswith(key))


def test_process_outside_of_units_that_are_named_is_refused(broker):
    bearerd = broker(tokens={"athena": {"allow_units": "no-such-worker.service"}, "other": {}})
    assert bearerd.get("/v1/tokens/athena").status == 403
    assert bearerd.get("/v1/tokens/other").status == 200
    assert [each["name"] for each in bearerd.get("/v1/tokens").body["tokens"]] == ["other"]
    assert "SO_PEERPIDFD" not in bearerd.log()


def test_kernel_that_does_not_tell_is_told_to_the_operator_and_nobody_is_allowed(broker, old_kernel):
    bearerd = broker(start=False, tokens={"athena": {"allow_units": "*"}, "other": {}})
    bearerd.wrapper = old_kernel
    bearerd.start()
    warning = (f"{bearerd.config_file}:{line_of(bearerd, 'allow_units')}: [token athena] allows "
               "units, but this kernel does not tell who connects")
    assert bearerd.log().count(warning) == 1
    assert bearerd.get("/v1/tokens/athena").status == 403
    assert bearerd.get("/v1/tokens/other").status == 200
    assert bearerd.log().count(warning) == 1
    bearerd.reload()
    assert bearerd.log().count(warning) == 2


def test_kernel_that_does_not_tell_is_in_check_config(broker, old_kernel):
    bearerd = broker(start=False, allow_units="*")
    bearerd.wrapper = old_kernel
    bearerd.arguments.append("--check-config")
    bearerd.write_config()
    bearerd.launch()
    assert bearerd.wait() == 0
    assert "Linux 6.5" in bearerd.log() and "all good" in bearerd.log()
