# SPDX-License-Identifier: MIT
"""rounds - has bench-ask go through ways of getting the token, and says what is typical of each.

Ratios are taken within a round, where both were measured some milliseconds apart, and then their
median: so a machine that is slower for a while makes none of them larger.
"""

from collections import defaultdict, namedtuple
from statistics import median

from servers import text_of
from stage import output_of

Batch = namedtuple("Batch", "median p99 cpu errors")    # ns of one get
# Of all batches: ns, ratios to the first way, and how many gets have failed.
Typical = namedtuple("Typical", "median p99 cpu time_ratio cpu_ratio errors")


def go(stage, mode, ways, token_file, rounds, size):
    """{name: Typical}. MODE: "kept" or "new". The first way is what others are compared with."""
    said = output_of(*stage.pinned, stage.tool("ask"), mode, rounds, size, token_file,
                     *map(text_of, ways))
    batches = defaultdict(list)
    for line in said.splitlines():
        name, *figures = line.split()
        batches[name].append(Batch(*map(int, figures)))
    assert all(len(each) == rounds for each in batches.values()), said
    floor = batches[ways[0].name]
    return {name: typical(each, floor) for name, each in batches.items()}


def typical(batches, floor):
    def middle(name):
        return median(getattr(each, name) for each in batches)

    def ratio(name):
        pairs = [(getattr(each, name), getattr(other, name)) for each, other in zip(batches, floor)]
        ratios = [one / other for one, other in pairs if other]
        return median(ratios) if ratios and middle(name) else None

    return Typical(middle("median"), middle("p99"), middle("cpu"), ratio("median"), ratio("cpu"),
                   sum(each.errors for each in batches))
