# SPDX-License-Identifier: MIT
"""footprint - what bearerd takes of the machine while it does nothing, and until it is ready; and what
bearerd-fetch takes for one fetch."""

import re
import time
from collections import namedtuple
from pathlib import Path
from statistics import median

from promise import Promise
from stage import TOKEN_PATH, memory_of, output_of

WATCHDOG = 10           # seconds, of which bearerd uses half
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
MIB = 1 << 20

Start = namedtuple("Start", "took cpu memory")     # ns, ns, KiB


def starts(stage, how, times, *command):
    said = output_of(*stage.in_real_time, stage.tool("start"), how, times, *command)
    return [Start(*map(int, line.split())) for line in said.splitlines()]


def middle(all_starts, field):
    return median(getattr(each, field) for each in all_starts)


def wake_ups(pid):
    """Each ends with a switch of context that it wants; others come from who else wants to run."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])


def steady_state(stage):
    seconds = 2 if stage.is_quick else 60
    plain = stage.bearerd("idle")
    watched = stage.bearerd("watched", environment={"WATCHDOG_USEC": str(WATCHDOG * 1000000)})
    for each in plain, watched:
        each.get(TOKEN_PATH)
    time.sleep(0.5 if stage.is_quick else 5)    # bearerd-fetch has ended, and all are at rest
    before = [wake_ups(each.pid) for each in (plain, watched)]
    time.sleep(seconds)
    alone, fed = (wake_ups(each.pid) - n for each, n in zip((plain, watched), before))
    resident, private = memory_of(plain.pid)
    # It is fed in the time that the service manager recommends: half of what is allowed.
    return [
        Promise("bearerd, idle: resident memory", resident / MIB, 4, "MiB"),
        Promise("bearerd, idle: private memory", private / MIB, 1, "MiB"),
        Promise(f"bearerd, idle: wake-ups in {seconds} s", alone, 0),
        Promise(f"bearerd, idle: wake-ups in {seconds} s with a watchdog of {WATCHDOG} s", fed,
                seconds * 2 // WATCHDOG + 1),
    ]


def readiness(stage):
    bearerd = stage.bearerd("starting", start=False)
    times = 3 if stage.is_quick else 50
    ready = starts(stage, "ready", times, stage.programs.bearerd, *bearerd.arguments)
    return [Promise("from exec to READY=1", middle(ready, "took") / 1e6, 5, "ms"),
            Promise(f"from exec to READY=1: the longest of {times}",
                    max(each.took for each in ready) / 1e6, None, "ms")]


def idle(stage, with_peers):
    return steady_state(stage) + readiness(stage), 0


def configured(stage, name, ca_file):
    bearerd = stage.bearerd(name, start=False)
    bearerd.config["token athena"]["tls_ca_file"] = ca_file
    bearerd.write_config()
    return bearerd.config_file


def fetch(stage, with_peers):
    """By one CA, and by all that the system trusts, the endpoint's besides."""
    own = Path(stage.endpoint.ca_file)
    bundle = stage.write("bundle.pem", BUNDLE.read_bytes() + own.read_bytes())
    files = [configured(stage, "one-ca", own), configured(stage, "bundle", bundle)]
    taken = {each: [] for each in files}
    for _ in range(1 if stage.is_quick else 10):
        for each in files:
            taken[each] += starts(stage, "asked", 2 if stage.is_quick else 5,
                                  stage.programs.fetch, "--config", each)
    promises = []
    for each, by in zip(files, ("one CA", "the system's bundle of CAs")):
        promises += [
            Promise(f"one bearerd-fetch, {by}: processor time", middle(taken[each], "cpu") / 1e6,
                    None, "ms"),
            Promise(f"one bearerd-fetch, {by}: until it has ended, with an endpoint on this machine",
                    middle(taken[each], "took") / 1e6, None, "ms"),
            Promise(f"one bearerd-fetch, {by}: its most resident memory",
                    middle(taken[each], "memory") / 1024, None, "MiB")]
    return promises, 0
