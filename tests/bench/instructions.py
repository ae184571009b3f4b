# SPDX-License-Identifier: MIT
"""instructions - how many instructions a server takes for one get, in user mode: counted, not timed.

Each server runs under valgrind (callgrind), once for few gets and once for many: what a get takes is
the difference, by the gets that there were more. Where several ways go to one server, it is counted
for the first."""

import re
import tempfile
from pathlib import Path

import rounds
import ways

TOOLS = {"valgrind": "valgrind"}    # Debian's package, by the program
FEW_AND_MANY, QUICK = (100, 3100), (10, 60)


# memcached sets its limit of descriptors to the 1024 connections that it allows. valgrind lets it only
# if they are what it has: all but the 12 that valgrind keeps for itself.
DESCRIPTORS = 1036


def counting(directory):
    return ["prlimit", f"--nofile={DESCRIPTORS}", "valgrind", "--quiet", "--tool=callgrind",
            f"--callgrind-out-file={directory}/count.%p"]


def counted(directory, pid):
    """Of a process that has ended."""
    text = (directory / f"count.{pid}").read_text(encoding="utf-8")
    return int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])


def first_of_each(all_ways, mode):
    found = {}
    for each in all_ways:
        if each.pids and mode in each.modes:
            found.setdefault(tuple(each.pids), each)
    return list(found.values())


def totals(stage_of, with_peers, mode, gets):
    """{name: instructions from start to end}, with that many gets, and how many gets have failed."""
    with tempfile.TemporaryDirectory() as directory:
        with stage_of() as stage:
            servers, all_ways = ways.all_ways(stage, counting(directory), with_peers)
            asked = first_of_each(all_ways, mode)
            done = rounds.go(stage, mode, asked, servers.token_file, 1, gets)
        return ({each.name: sum(counted(Path(directory), pid) for pid in each.pids)
                 for each in asked}, sum(each.errors for each in done.values()))


def go(stage_of, is_quick, with_peers):
    """{mode: {name: instructions of one get}}, and how many gets have failed."""
    sizes, found, failed = QUICK if is_quick else FEW_AND_MANY, {}, 0
    for mode in ways.MODES:
        (few, wrong), (many, wrong_too) = (totals(stage_of, with_peers, mode, gets)
                                           for gets in sizes)
        found[mode] = {name: (many[name] - few[name]) / (sizes[1] - sizes[0]) for name in few}
        failed += wrong + wrong_too
    return found, failed
