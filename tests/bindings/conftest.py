# SPDX-License-Identifier: MIT
"""What the tests of the bindings stand on: the end-to-end tests' bearerd and token endpoint, and a
Driver for each language.

    def test_something(broker, driver):     # once for each language
        token = driver(broker().socket).token()
"""

import importlib.util
import sys
from pathlib import Path

import pytest
from languages import LANGUAGES, Driver, HERE
from languages import Programs as LanguagePrograms
from peers import Peer

E2E = Path(__file__).parent.parent / "e2e"
sys.path.insert(0, str(E2E))
SPEC = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(e2e)
# To pytest, a fixture is what is called so in here.
programs, endpoint, broker = e2e.programs, e2e.endpoint, e2e.broker


def pytest_generate_tests(metafunc):
    """`language` is each of them, unless the test says which."""
    is_marked = any("language" in mark.args[0].split(", ") for mark
                    in metafunc.definition.iter_markers("parametrize"))
    if "language" in metafunc.fixturenames and not is_marked:
        metafunc.parametrize("language", LANGUAGES)


@pytest.fixture(scope="session")
def languages(programs, tmp_path_factory):
    return LanguagePrograms(tmp_path_factory.mktemp("languages"), programs.libraries.parent)


@pytest.fixture
def driver(languages, language):
    """Starts a driver of the language and has it open SOCKET; it must end well."""
    started = []

    def start(socket=None, max_age=None, environment=None, wrapper=()):
        one = Driver([*wrapper, *languages.command(language, HERE / "drivers/driver")],
                     languages.environment() | (environment or {}))
        started.append(one)
        one.opened = one("open", socket=socket and str(socket), max_age=max_age)
        return one

    yield start
    assert [one.close() for one in started] == [0] * len(started)


@pytest.fixture(name="peer")
def a_peer(tmp_path):
    """Starts a Peer."""
    started = []

    def start(serve, accept=True, **keys):
        started.append(Peer(tmp_path / "peer.sock", serve, **keys))
        return started[-1].accept() if accept else started[-1]

    yield start
    for each in started:
        each.__exit__()
