# SPDX-License-Identifier: MIT
"""The picture in README.md is what bearerctl shows now, figures aside."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN, PICTURE = ROOT / "tests/picture/run", ROOT / "docs/status.svg"
TIMEOUT = 120

# What differs each time, in this order; the rest is form.
FIGURES = ((r"\d+(\.\d+)*", "0"), (r"\b0 (s|min|h)( 0 (s|min))?\b", "a time"),
           ("[\u2588\u2591]*\u2502[\u2588\u2591]*", "a bar"), (" +", " "))


def form(file):
    text = file.read_text(encoding="utf-8")
    for figure, instead in FIGURES:
        text = re.sub(figure, instead, text)
    return text.splitlines()


def test_picture_is_of_what_there_is(programs, tmp_path):
    made = tmp_path / "status.svg"
    done = subprocess.run([RUN, programs.bearerd.parents[1], made], capture_output=True, text=True,
                          check=False, timeout=TIMEOUT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert form(PICTURE) == form(made), f"{RUN} makes it anew"
