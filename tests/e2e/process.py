# SPDX-License-Identifier: MIT
"""process - what root can see of another process: its memory, its files, how it was started."""

import os
import stat
from pathlib import Path

REGION_MAX = 1 << 28    # what is larger is a sanitizer's shadow: terabytes of nothing
PAGE = os.sysconf("SC_PAGE_SIZE")
IS_THERE = 3 << 62      # in memory or in swap, in an entry of /proc/PID/pagemap (8 bytes a page)
# Fields of /proc/PID/stat (proc(5)), counted from 1.
ARG_START, ARG_END, ENV_START, ENV_END = 48, 49, 50, 51


def read(pid, name):
    return Path(f"/proc/{pid}/{name}").read_bytes()


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read_of_all(name):
    """{pid: content} of all processes that there are."""
    found = {}
    for pid in all_pids():
        try:
            found[pid] = read(pid, name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def regions(pid):
    """(start, end, name) of what is mapped and can be read. What is a file's and cannot be written
    has nothing that is not in the file; the kernel's own pages have nothing of anybody."""
    maps = read(pid, "maps").decode()
    is_sanitized = "libasan" in maps
    for line in maps.splitlines():
        where, access, _, _, inode, *name = line.split(maxsplit=5)
        start, end = (int(each, 16) for each in where.split("-"))
        name = name[0] if name else "anonymous"
        if access[0] != "r" or (access[1] != "w" and inode != "0") or name.startswith("[v"):
            continue
        if is_sanitized and end - start > REGION_MAX:
            continue
        assert end - start <= REGION_MAX, f"{name} is too large to be looked through"
        yield start, end, name


def pages_there(pagemap, start, end):
    """(start, end) of each run of pages that exist: reading others would make them."""
    entries = memoryview(os.pread(pagemap, (end - start) // PAGE * 8, start // PAGE * 8)).cast("Q")
    begin = None
    for i, entry in enumerate([*entries, 0]):
        if entry & IS_THERE and begin is None:
            begin = i
        elif not entry & IS_THERE and begin is not None:
            yield start + begin * PAGE, start + i * PAGE
            begin = None


def memory(pid):
    """(place, bytes) of all that the process could read itself."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file, \
            open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for start, end, name in regions(pid):
            for first, last in pages_there(pagemap.fileno(), start, end):
                data = os.pread(file.fileno(), last - first, first)
                assert len(data) == last - first, f"{name} at {first:x} cannot be read whole"
                yield f"{name} at {first:x}", data


def initial(pid, first, last):
    """Where in its memory the kernel put what the process was started with."""
    fields = read(pid, "stat").decode().rsplit(")", 1)[1].split()   # from the third on
    return int(fields[first - 3]), int(fields[last - 3])


def environment_block(pid):
    return initial(pid, ENV_START, ENV_END)


def memory_without(pid, block):
    """As memory(), with BLOCK, of addresses, blanked."""
    for place, data in memory(pid):
        at = int(place.rsplit(" ", 1)[1], 16)
        start, end = max(block[0] - at, 0), min(block[1] - at, len(data))
        yield place, data if start >= end else data[:start] + bytes(end - start) + data[end:]


def parts(fd):
    """What of a file is not a hole."""
    size, at = os.fstat(fd).st_size, 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:     # ENXIO: nothing but a hole from here on
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield os.pread(fd, at - start, start)


def files(pid):
    """(name, content) of each regular file that it holds open: deleted ones and memfds, too."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
            with open(path, "rb", buffering=0) as file:
                yield os.readlink(path), b"".join(parts(file.fileno()))
        except FileNotFoundError:
            pass
