# SPDX-License-Identifier: MIT
"""page - the figures as tables in Markdown, and their places in a page.

A place is between <!-- NAME: by tests/bench/run --> and <!-- end of NAME -->, each on a line.
"""

import re

from promise import digits, quantity, verdict

GETS = {
    "libbearer": "**libbearer**: `bearer_get()` and `bearer_token_unref()`",
    "libbearer-copied": "**libbearer**, and a copy of the value",
    "mutex-copied": "a token under a mutex, and a copy of it",
    "reference-count": "a token with a reference count that is shared",
}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(figure, scale=1):
    return "" if figure is None else digits(figure / scale)


def whole(figure):
    return "" if figure is None else f"{figure:,.0f}"


def ratio(figure):
    return "" if figure is None else digits(figure) if figure < 0.1 else f"{figure:.2f}"


def ways(measured, instructions):
    def times(of):
        return [cell(of.median, 1000), ratio(of.time_ratio)] if of else ["", ""]

    def row(each):
        kept, new = each.kept, each.new
        counted = [whole(instructions.get(mode, {}).get(each.way.name)) for mode in ("kept", "new")]
        return [
            each.way.title, *times(kept), cell(kept and kept.p99, 1000),
            cell(kept.cpu if kept and each.way.pids else None, 1000),
            ratio(kept and kept.cpu_ratio), counted[0],
            *times(new), ratio(new and new.cpu_ratio), counted[1], cell(each.memory, 1 << 20),
        ]

    return table(["way of getting the token", "kept connection: median, µs", "to the floor",
                  "p99, µs", "server CPU, µs", "to the floor", "server's instructions",
                  "new connection: median, µs", "to the floor", "server CPU, to the floor",
                  "server's instructions", "private memory, MiB"],
                 map(row, measured))


def threads(shared):
    return table(["inside one worker", "1 thread, ns", "2 threads, ns"],
                 [[GETS[each.name], *(cell(each.by_threads[n]) for n in (1, 2))]
                  for each in shared])


def promises(found):
    return table(["what", "figure", "at most", "holds"],
                 [[each.what, quantity(each.figure, each.unit),
                   "" if each.goal is None else quantity(each.goal, each.unit), verdict(each)]
                  for each in found])


def put(text, name, figures):
    """TEXT, with FIGURES at that place."""
    place = re.compile(rf"(<!-- {name}: by tests/bench/run -->\n).*?(<!-- end of {name} -->)", re.S)
    changed, n = place.subn(lambda found: f"{found[1]}\n{figures}\n\n{found[2]}", text)
    if n != 1:
        raise ValueError(f"there are {n} places for {name!r}")
    return changed
