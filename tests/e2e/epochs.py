# SPDX-License-Identifier: MIT
"""epochs - the file in which bearerd publishes them, read as a worker in any language could."""

import struct

MAGIC, SLOTS, SIZE = b"bearerd1", 1024, 64 + 8 * 1024


def read(path):
    """All of the slots."""
    page = path.read_bytes()
    assert len(page) == SIZE
    assert page[:8] == MAGIC
    return struct.unpack(f"={SLOTS}Q", page[64:])


def last(path):
    return struct.unpack("=Q", path.read_bytes()[8:16])[0]


def show(path, answer):
    """Whether what bearerd has answered so may still be kept."""
    return read(path)[answer["epoch_slot"]] == answer["epoch"]
