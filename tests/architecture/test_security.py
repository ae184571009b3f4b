#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/security.md names tests for its claims: each of them is there."""

import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1])
PAGE = (ROOT / "docs/security.md").read_text()


def rows():
    """The claims, each with what is said to test it."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and cells[0] not in ("claim", "---"):
            yield cells


def missing(cell):
    """What CELL names and is not there."""
    text = ""
    for code, quoted in re.findall(r"`([^`]+)`|\"([^\"]+)\"", cell):
        if code:
            path, _, name = code.partition("::")
            text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
            if not text or (name and not re.search(rf"\b{name}\b", text)):
                yield code
        elif f'"{quoted}"' not in text:
            yield quoted


def main():
    claims = list(rows())
    wrong = [f"{claim}: no {name}" for claim, cell in claims for name in missing(cell)]
    wrong += [f"{claim}: no test" for claim, cell in claims if "tests/" not in cell]
    if len(claims) < 20:
        wrong.append(f"{len(claims)} claims were found: the page has another form now")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
