# SPDX-License-Identifier: MIT
"""machine - where figures come from: processor, kernel, versions."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from servers import PEERS


def processor():
    names = re.findall(r"^(?:model name|Model)\s*:\s*(.*)$",
                       Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    return names[0].strip() if names else platform.machine()


def options(build):
    """{name: value} of meson's."""
    said = subprocess.run(["meson", "introspect", "--buildoptions", build], check=True,
                          capture_output=True, text=True).stdout
    return {each["name"]: each["value"] for each in json.loads(said)}


def version_of(package):
    done = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", package], check=False,
                          capture_output=True, text=True)
    return re.sub(r"^\d+:|[-+].*", "", done.stdout)


def is_virtual():
    return " hypervisor " in Path("/proc/cpuinfo").read_text(encoding="utf-8")


def describe(stage, with_peers):
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    build = options(stage.build)
    where = " of a virtual machine" if is_virtual() else ""
    words = [f"{os.cpu_count()} cores{where}, {processor()}",
             f"Linux {re.match(r'[0-9.]*[0-9]', platform.release())[0]}", system,
             f"`buildtype={build['buildtype']}`",
             "in real time (`SCHED_RR`)" if stage.in_real_time else "not in real time"]
    if with_peers:
        words += [f"{program.removesuffix('-server')} {version_of(package)}"
                  for program, package in PEERS.items()]
    return "; ".join(words) + "."


def is_optimized(build):
    found = options(build)
    return found["b_sanitize"] == "none" and found["optimization"] in ("2", "3", "s")
