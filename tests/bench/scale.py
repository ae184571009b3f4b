# SPDX-License-Identifier: MIT
"""scale - bearerd with very many workers and very many tokens: what they add, and whether a request
costs more for them."""

import subprocess
from collections import namedtuple

import rounds
from promise import Promise
from servers import Servers
from stage import TOKEN_PATH, clients, memory_of, until

TOKENS_TIMEOUT = 300    # each is a request to the endpoint, by TLS
ENDPOINT_TAKES = 5      # seconds: who comes together is there before its answer

Herd = namedtuple("Herd", "process errors first last")
# IN_TURN: connections that one worker uses, for as many descriptors as a process has by default.
Size = namedtuple("Size", "workers in_turn tokens rounds batch")
SIZE, QUICK = Size(10000, 1000, 1000, 60, 500), Size(200, 20, 20, 2, 50)


def herd(stage, name, bearerd, workers):
    """Many workers that have been answered, and keep their connections until the stage ends."""
    process = subprocess.Popen(
        [*stage.on(stage.cpus[0]), stage.tool("herd"), bearerd.socket, str(workers),
         stage.requests(f"{name}.herd", TOKEN_PATH)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stage.callback(process.wait)
    stage.callback(process.stdin.close)
    assert process.stdout.readline() == "asked\n", "not all workers could ask"
    words = process.stdout.readline().split()
    _, errors, first, last = map(int, words[1::2])
    return Herd(process, errors, first, last)


def together(stage, size):
    """No token, and everybody wants it."""
    stage.endpoint.behave(delay=ENDPOINT_TAKES if not stage.is_quick else 1)
    before = len(stage.endpoint.token_requests)
    bearerd = stage.bearerd("together", stage.pinned)
    crowd = herd(stage, "together", bearerd, size.workers)
    stage.endpoint.normal()
    requests = stage.endpoint.token_requests[before:]
    arrived = int(requests[0].ended * 1e9)
    what = f"{size.workers:,} workers that start together with no token: "
    return [
        Promise(what + "requests to the endpoint", len(requests), 1),
        Promise(what + "from the endpoint's answer to the first worker's",
                (crowd.first - arrived) / 1e6, None, "ms"),
        Promise(what + "from the endpoint's answer to the last worker's",
                (crowd.last - arrived) / 1e6, 100, "ms"),
    ], crowd.errors


def idle(stage, servers, size):
    before = memory_of(servers.bearerd.pid)
    crowd = herd(stage, "idle", servers.bearerd, size.workers)
    after = memory_of(servers.bearerd.pid)
    return [
        Promise(f"{size.workers:,} idle connections add to bearerd",
                (after[0] - before[0]) / (1 << 20), 3, "MiB"),
        Promise("an idle connection adds to bearerd", (after[0] - before[0]) / size.workers, None,
                "bytes"),
    ], crowd.errors


def many_tokens(stage, size):
    """A bearerd that has them all, and the way to it that asks for each in turn."""
    bearerd = stage.bearerd("tokens", stage.pinned, tokens=size.tokens)

    def valid():
        return sum(each["valid"] for each in bearerd.get("/v1/tokens").body["tokens"])

    until(lambda: valid() == size.tokens, TOKENS_TIMEOUT, lambda: f"{valid()} tokens are there")
    issued = set(stage.endpoint.tokens)
    paths = [f"/v1/tokens/{name}" for name in clients()[:size.tokens]]
    with bearerd.connect() as connection:
        values = {connection.get(path).body["access_token"] for path in paths}
    assert len(values) == size.tokens and values <= issued, f"{len(values)} different tokens"
    return bearerd, stage.requests("tokens.get", *paths), len(paths)


def flat(stage, servers, size):
    """Is a request dearer where there are many? What many sockets cost the kernel, the floor has,
    too."""
    one, floor = servers.broker(), servers.floor()
    bearerd, requests, n = many_tokens(stage, size)
    one_of_many = one._replace(name="one-of-many", path=bearerd.socket, pids=[bearerd.pid],
                               requests=stage.requests("one.get", f"/v1/tokens/{clients()[n // 2]}"))
    ways = [floor, one, one_of_many,
            one_of_many._replace(name="all-of-many", requests=requests, n_requests=n),
            floor._replace(name="floor-in-turn", connections=size.in_turn),
            one._replace(name="in-turn", connections=size.in_turn)]
    alone = rounds.go(stage, "kept", ways, "/dev/null", size.rounds, size.batch)
    promises, errors = idle(stage, servers, size)
    crowded = rounds.go(stage, "kept", [floor, one], "/dev/null", size.rounds, size.batch)
    usual = alone["bearerd"].time_ratio
    what = "round trip, to one token's on one connection: "
    return promises + [
        Promise(what + f"one token of {n:,}", alone["one-of-many"].time_ratio / usual, 1.10),
        Promise(what + f"{n:,} tokens, each in turn", alone["all-of-many"].time_ratio / usual,
                1.25),  # with as many instructions, but of memory that is in no cache
        Promise(what + f"{size.workers:,} idle connections besides",
                crowded["bearerd"].time_ratio / usual, 1.10),
        Promise(f"round trip on {size.in_turn:,} connections in turn, to the floor's on as many",
                alone["in-turn"].median / alone["floor-in-turn"].median, 1.10),
    ], errors + sum(each.errors for figures in (alone, crowded) for each in figures.values())


def go(stage, with_peers):
    size = QUICK if stage.is_quick else SIZE
    promises, errors = together(stage, size)
    more, failed = flat(stage, Servers(stage, stage.pinned), size)
    return promises + more, errors + failed
