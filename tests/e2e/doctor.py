# SPDX-License-Identifier: MIT
"""doctor - `bearerctl doctor` for a bearerd of the tests, and what it has said."""

import json
import os
import re
import subprocess
from collections import namedtuple

import operators

TIMEOUT = 60
ORDER = ("configuration", "path", "group", "socket", "loaded", "peer", "fetch", "client_auth", "dns", "tcp",
         "tls", "clock", "credentials", "scope", "lifetime", "budget")

Line = namedtuple("Line", "result check text")


class Doctor:
    """The one of BEARERD. Whatever it says is looked at for secrets and tokens."""

    def __init__(self, programs, bearerd, endpoint, control=True):
        self.programs = programs
        self.bearerd = bearerd
        self.endpoint = endpoint
        self.arguments = ["--socket", bearerd.socket]
        self.options = ["--config", bearerd.config_file, "--fetch", programs.fetch]
        if control:
            self.arguments += ["--control", bearerd.directory / "control.sock"]

    def run(self, *options, arguments=None, **keys):
        keys = {"env": {"PATH": os.environ["PATH"], **asan()}} | keys
        done = subprocess.run(
            [self.programs.bearerctl, *(arguments or self.arguments), "doctor", *self.options,
             *options], capture_output=True, text=True, check=False, timeout=TIMEOUT, **keys)
        self.bearerd.overhear(done.stdout + done.stderr)
        return done

    def lines(self, *options, **keys):
        """What it says of each check, and its last line; nothing may be wrong but the last one. It
        makes as many token requests as it says."""
        before = len(self.endpoint.token_requests)
        done = self.run(*options, **keys)
        made = len(self.endpoint.token_requests) - before
        *lines, last = done.stdout.splitlines()
        found = [Line(line[:8].strip(), *line[9:].split(maxsplit=1)) for line in lines]
        wrong = [each for each in found if each.result == "WRONG"]
        assert done.stderr == ""
        assert re.search(r"\b(no|one) token request was made", last)[1] == ["no", "one"][made]
        assert done.returncode == (1 if wrong else 0), done.stdout
        assert wrong in ([], found[-1:]), done.stdout
        known = [ORDER.index(each.check) for each in found if each.check in ORDER]
        assert known == sorted(known), done.stdout
        return found, last

    def wrong(self, check, *options, **keys):
        """The text of the first thing that is wrong, which is CHECK."""
        found, _ = self.lines(*options, **keys)
        assert (found[-1].result, found[-1].check) == ("WRONG", check), found
        assert "; " in found[-1].text
        return found[-1].text

    def json(self, *options):
        return json.loads(self.run("--json", *options).stdout)


def asan():
    return {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
            if name in os.environ}


def start(programs, bearerd, endpoint):
    """BEARERD is started, with a control socket, and has made its first request; a Doctor for it."""
    operators.start(bearerd)
    endpoint.wait_for_requests(1, TIMEOUT)
    return Doctor(programs, bearerd, endpoint)
