# SPDX-License-Identifier: MIT
"""ways - every way of getting the token, side by side: with what is kept, and anew each time."""

from collections import namedtuple

import rounds
from oidc_agent import OidcAgent
from promise import Promise
from servers import Servers
from stage import memory_of, output_of

Size = namedtuple("Size", "rounds batch new_batch get_rounds")
SIZE, QUICK = Size(200, 1000, 300, 20), Size(2, 50, 20, 1)

MODES = ("kept", "new")
# KEPT and NEW are a rounds.Typical; MEMORY is private bytes of the server's; None: not measured.
Measured = namedtuple("Measured", "way kept new memory")
# Inside one worker: nanoseconds of one get, by the number of threads.
Shared = namedtuple("Shared", "name by_threads")


def all_ways(stage, wrapper, with_peers):
    """The Servers that WRAPPER has started, and all ways to them. The floor is there twice: how far
    apart its copies are is what is not to be taken for a difference."""
    servers = Servers(stage, wrapper)
    ways = [servers.floor(), servers.floor("floor2", "bare epoll loop, a second copy"),
            servers.broker(), servers.library(), servers.file()]
    if with_peers:
        token = servers.token_file.read_text(encoding="ascii")
        ways += [*servers.peers(), OidcAgent(stage, wrapper, token).way()]
    return servers, ways


def memory(way):
    return sum(memory_of(pid)[1] for pid in way.pids) if way.pids else None


def go(stage, modes, with_peers):
    """What was Measured, and how many gets have failed. MODES: "kept", "new"."""
    size = QUICK if stage.is_quick else SIZE
    servers, ways = all_ways(stage, stage.pinned, with_peers)
    typical = {mode: rounds.go(stage, mode, [each for each in ways if mode in each.modes],
                               servers.token_file, size.rounds, batch)
               for mode, batch in (("kept", size.batch), ("new", size.new_batch)) if mode in modes}
    measured = [Measured(way, *(typical.get(mode, {}).get(way.name) for mode in MODES), memory(way))
                for way in ways]
    return measured, sum(each.errors for of in typical.values() for each in of.values())


def promises(measured):
    kept = {each.way.name: each.kept for each in measured if each.kept}
    new = {each.way.name: each.new for each in measured if each.new}
    found = []
    if kept:
        found += [Promise("round trip of bearerd, to the floor's", kept["bearerd"].time_ratio,
                          1.10),
                  Promise("processor time of bearerd for each request, to the floor's",
                          kept["bearerd"].cpu_ratio, 1.10)]
    if peers := medians_of_peers(kept):
        found.append(Promise("round trip of bearerd, to that of the quickest of memcached, redis "
                             "and nginx", kept["bearerd"].median / min(peers), 1))
    if new:
        found += [Promise("connect, ask and close, to the floor's", new["bearerd"].time_ratio,
                          1.15),
                  Promise("connect, ask and close: processor time of bearerd, to the floor's",
                          new["bearerd"].cpu_ratio)]
    if peers := medians_of_peers(new):
        found.append(Promise("connect, ask and close, to the quickest of memcached, redis and "
                             "nginx", new["bearerd"].median / min(peers), 1))
    return found


def medians_of_peers(typical):
    return [typical[name].median for name in ("memcached", "redis", "nginx") if name in typical]


def promises_inside(shared):
    """What libbearer promises, of what was Shared."""
    took = {each.name: each.by_threads for each in shared}
    get, copied = took["libbearer"], took["libbearer-copied"]
    return [Promise("a token that libbearer keeps, in one thread", get[1], 12, "ns"),
            Promise("a token that libbearer keeps, in two threads at once, to one",
                    get[2] / get[1], 1.35),
            Promise("a token that libbearer keeps, and a copy of its value, in one thread",
                    copied[1], 25, "ns")]


def threads(stage):
    """Inside one worker. What was Shared, and how many gets have failed."""
    size = QUICK if stage.is_quick else SIZE
    bearerd = stage.bearerd("threads", stage.in_real_time)
    bearerd.get("/v1/token")
    said = output_of(*stage.in_real_time, stage.tool("get"), size.get_rounds, bearerd.socket)
    shared, failed = {}, 0
    for name, n, figure, errors in (line.split() for line in said.splitlines()):
        shared.setdefault(name, {})[int(n)] = float(figure)
        failed += int(errors)
    return [Shared(*each) for each in shared.items()], failed
