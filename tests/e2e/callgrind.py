# SPDX-License-Identifier: MIT
"""callgrind - the user-space instructions of a real bearerd, or of a worker, by function: libraries
and all.

What one request costs is the difference between two lives that are the same but for the number of
requests, so that start, token and end fall out.
"""

import re
import subprocess
from collections import Counter, namedtuple

from pace import SLOW


def wrapper(directory):
    """The command before a program's, and the file that it leaves in DIRECTORY at the end."""
    file = directory / "callgrind.out"
    return ["/usr/bin/valgrind", "--tool=callgrind", f"--callgrind-out-file={file}",
            f"--log-file={directory}/callgrind.log"], file


# The format of its files, for which see the manual of valgrind, "Callgrind Format Specification":
# names are told once, and are numbers then; the line behind "calls=" is what was spent by others.
NAME = re.compile(r"(c?)fn=\((\d+)\)(?: (.*))?")
COST = re.compile(r"[+\-*\d]\S* (\d+)")

Spent = namedtuple("Spent", "by_function total")


def read(path):
    """What a process has spent in each function itself."""
    names, spent, total = {}, Counter(), 0
    function, is_of_others = None, False
    for line in path.read_text().splitlines():
        if match := NAME.match(line):
            is_called, number, name = match.groups()
            if name:
                names[number] = name.split("'")[0]      # "'2": of a recursion
            if not is_called:
                function = number
        elif line.startswith("calls="):
            is_of_others = True
        elif line.startswith("totals:"):
            total = int(line.split()[1])
        elif match := COST.match(line):
            if not is_of_others:
                spent[names[function]] += int(match[1])
            is_of_others = False
    assert sum(spent.values()) == total > 0, f"{path} is not understood"
    return Spent(spent, total)


class Watched:
    """One life of BEARERD, whose configuration is done, under callgrind."""

    def __init__(self, bearerd):
        self.bearerd = bearerd
        self.bearerd.wrapper, self._file = wrapper(bearerd.directory)

    def __enter__(self):
        self.bearerd.write_config()
        self.bearerd.launch()
        self.bearerd.wait_for_notify(lambda told: any(each.get("READY") == "1" for each in told),
                                     "READY=1", SLOW)
        assert self.bearerd.get("/v1/tokens/athena?wait=60").status == 200
        return self

    def __exit__(self, *exception):
        self.bearerd.stop()

    def spent(self):
        """Once it has ended."""
        return read(self._file)


def each(make, work, n):
    """The instructions of one WORK(bearerd), by function and in all: MAKE() is a bearerd that is
    not started, and lives twice, for N and 2 N of WORK(bearerd, times)."""
    lives = []
    for times in (n, 2 * n):
        with Watched(make()) as life:
            work(life.bearerd, times)
        lives.append(life.spent())
    return difference(*lives, n)


def each_of(command, n, directory, **process):
    """The instructions of one of what a program does: COMMAND(times) is how to have it done so often,
    by N and by 2 N."""
    before, file = wrapper(directory)
    lives = []
    for times in (n, 2 * n):
        subprocess.run([*before, *command(times)], check=True, timeout=SLOW, **process)
        lives.append(read(file))
    return difference(*lives, n)


def difference(fewer, more, n):
    """What one of N took by which the lives differ."""
    by_function = Counter(more.by_function)
    by_function.subtract(fewer.by_function)
    return Spent({name: spent / n for name, spent in by_function.items() if spent},
                 (more.total - fewer.total) / n)


def table(spent, least=10):
    """As text: the functions with LEAST instructions, the others, and all."""
    large = [row for row in spent.by_function.items() if row[1] >= least]
    large.sort(key=lambda row: -row[1])
    rest = spent.total - sum(cost for _, cost in large)
    return "\n".join(f"{cost:10,.1f}  {name}"
                     for name, cost in [*large, ("(others)", rest), ("(all)", spent.total)])
