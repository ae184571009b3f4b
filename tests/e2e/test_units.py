# SPDX-License-Identifier: MIT
"""allow_units where nobody can be known by a unit: what systemd does is in tests/systemd."""

import errno

import pytest
from syscalls import instead_of

SO_PEERPIDFD = 77


@pytest.fixture
def old_kernel():
    """getsockopt(SO_PEERPIDFD) fails as it does before Linux 6.5."""
    return instead_of(("getsockopt", 2, SO_PEERPIDFD, errno.ENOPROTOOPT))


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
