#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""flood - one user floods a real bearerd in every way; what another one's requests take meanwhile.

    tests/bench/flood.py BUILD [SECONDS]    as root; SECONDS for each kind of flood

BUILD is meson's build directory, with optimization. Prints a table, in milliseconds. bearerd and the
worker run in real time, so that it tells how fair bearerd is, and not the kernel's scheduler: the
floods would keep the processors from the worker without any bearerd."""

import os
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "e2e"), str(ROOT / "standin")]

from broker import Broker  # noqa: E402
from standin import Standin  # noqa: E402

Programs = namedtuple("Programs", "bearerd fetch")
FLOODER, WORKER = "65534", "65533"


def main(build, seconds="5"):
    build = Path(build).resolve()
    subprocess.run(["ninja", "-C", build, "tests/bench/bench-flood"], check=True,
                   stdout=subprocess.DEVNULL)
    programs = Programs(build / "daemon/bearerd", build / "daemon/fetch/bearerd-fetch")
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        directory.chmod(0o711)
        with Standin(directory / "endpoint") as endpoint:
            bearerd = Broker(programs, directory / "broker", endpoint, {})
            bearerd.directory.chmod(0o711)
            bearerd.config["broker"]["socket_mode"] = "0666"
            bearerd.wrapper = ["chrt", "--rr", "1"]
            bearerd.add_token("athena")
            bearerd.start()
            try:
                bearerd.get("/v1/token")
                subprocess.run([build / "tests/bench/bench-flood", bearerd.socket, FLOODER, WORKER,
                                seconds], check=True)
            finally:
                wrong = bearerd.finish()
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    if os.geteuid() != 0 or len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
