#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A run of the simulator can be had again, byte for byte; and wall-clock steps change nothing in
it. Takes the simulator."""

import subprocess
import sys

SEEDS = (1, 2, 3)


def trace(scenario, seed, *options):
    command = [sys.argv[1], "--scenario", scenario, "--seed", str(seed), "--trace", *options]
    return subprocess.run(command, check=True, capture_output=True).stdout


for scenario in ("chaos", "recovery"):
    for seed in SEEDS:
        first = trace(scenario, seed)
        assert len(first) > 100_000, f"{scenario} {seed}: not much happens"
        assert trace(scenario, seed) == first, f"{scenario} {seed}: another run, though the same"
        assert trace(scenario, seed, "--steady-clock") == first, \
            f"{scenario} {seed}: steps of the wall clock change something"
    assert trace(scenario, SEEDS[0]) != trace(scenario, SEEDS[1]), "seeds make no difference"
