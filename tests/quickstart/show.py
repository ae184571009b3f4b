# SPDX-License-Identifier: MIT
"""show - the main job of bearerd, live: many workers, one token. What ./quickstart runs.

    show.py --build DIRECTORY       where the programs are built

Exit status: 0 if all that it shows did happen, 1 if not, 130 after Ctrl-C in the middle of it.
"""

import argparse
import http.client
import os
import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from programs import NotShown  # noqa: E402
from provider_show import ProviderShow  # noqa: E402
from screen import Screen  # noqa: E402
from stage import Stage  # noqa: E402
from standin_show import StandinShow  # noqa: E402

LOG_LINES = 8
LOG_INTERVAL = 0.2


def parse_arguments():
    parser = argparse.ArgumentParser(description="Shows many workers sharing one token.")
    parser.add_argument("--build", type=Path, required=True, help="meson's build directory")
    return parser.parse_args()


def end(number, _):
    raise SystemExit(128 + number)


def how_to_go_on(screen, build, socket):
    screen.headline("How to go on")
    if not screen.is_terminal:
        screen.say("(on a terminal it stays up now, so that these can be tried; here it ends)")
    client = os.path.relpath(build / "client")
    screen.command(f"export BEARERD_SOCKET={socket}")
    screen.command("curl --unix-socket $BEARERD_SOCKET http://localhost/v1/token")
    screen.command(f"{client}/bearerctl status")
    screen.command(f"{client}/bearerctl exec -- sh -c 'echo ${{#BEARER_TOKEN}} characters'")
    screen.command(f"{client}/worker        # in C: docs/examples/worker.c")
    screen.say('As a service: README.md, "Install it as a service".')


def stay_up(show, screen):
    """Until Ctrl-C; what bearerd logs meanwhile is shown."""
    screen.headline("It stays up until Ctrl-C, without the workers. What bearerd logs:")
    n_told = len(show.log())
    try:
        while show.bearerd.process.poll() is None:
            for line in show.log()[n_told:]:
                screen.quote(line)
                n_told += 1
            time.sleep(LOG_INTERVAL)
    except KeyboardInterrupt:
        screen.headline("Ended.")
        return
    raise NotShown(f"bearerd ended by itself, exit status {show.bearerd.process.returncode}")


def perform(show, screen, build):
    show.set_up()
    show.play()
    show.dismiss_workers()
    how_to_go_on(screen, build, show.bearerd.socket)
    if screen.is_terminal:
        stay_up(show, screen)
    status = show.bearerd.stop()
    if status != 0:
        raise NotShown(f"bearerd ended with {status} at SIGTERM")


def run(build, screen):
    is_real = "BEARERD_CLIENT_ID" in os.environ or "BEARERD_CLIENT_SECRET" in os.environ
    with Stage() as stage:
        show = (ProviderShow if is_real else StandinShow)(stage, build, screen)
        try:
            perform(show, screen, build)
            return 0
        except (NotShown, OSError, http.client.HTTPException) as why:
            screen.failed(str(why))
            lines = show.log()[-LOG_LINES:]
            if lines:
                screen.say("The log of bearerd:")
            for line in lines:
                screen.quote(line)
            return 1


def main():
    build = parse_arguments().build.resolve()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    screen = Screen(sys.stdout)
    try:
        return run(build, screen)
    except KeyboardInterrupt:
        screen.headline("Ended in the middle.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
