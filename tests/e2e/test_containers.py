# SPDX-License-Identifier: MIT
"""bearerd in a user namespace of its own, as in a container: who its peers are there. (In a PID namespace:
tests/systemd/test_units.sh.)"""

import account
import pytest
from account import needs_root

pytestmark = needs_root

# Root of the host is its root; everybody else is not mapped.
CONTAINER = ["unshare", "--user", "--map-root-user"]


@pytest.fixture(name="contained")
def a_contained_bearerd(broker):
    def start(**keys):
        bearerd = broker(start=False, **keys)
        bearerd.wrapper = CONTAINER
        bearerd.config["broker"]["socket_mode"] = "0666"
        bearerd.start()
        return bearerd
    return start


def test_who_is_mapped_is_who_it_is(contained):
    bearerd = contained(allow_users="root")
    assert bearerd.get("/v1/token").status == 200


def test_who_is_not_mapped_is_the_overflow_user(contained):
    status, _ = account.get(contained(allow_users="root"), "/v1/token")
    assert status == 403


def test_allowing_nobody_allows_all_who_are_not_mapped(contained):
    bearerd = contained(allow_users="nobody")
    assert account.get(bearerd, "/v1/token")[0] == 200
    assert bearerd.get("/v1/token").status == 403

