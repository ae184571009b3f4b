# SPDX-License-Identifier: MIT
"""picture - what one get costs, by way of getting it, as an SVG. The scale is logarithmic."""

import math
import re
from html import escape

from promise import quantity

WIDTH, LEFT, RIGHT, TOP, ROW = 840, 270, 90, 74, 30
UNITS = ((1, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"))

STYLE = """\
text { font: 13px sans-serif; fill: #222 }
.title { font-weight: bold; font-size: 15px }
.small { font-size: 11px; fill: #555 }
.grid { stroke: #ddd }
.ours { font-weight: bold }
.kept { fill: #666; stroke: #666 }
.new { fill: #fff; stroke: #666; stroke-width: 2 }
.kept.ours { fill: #0b61b8; stroke: #0b61b8 }
.new.ours { fill: #fff; stroke: #0b61b8 }
"""


def in_words(ns):
    factor, unit = [each for each in UNITS if ns >= each[0]][-1]
    return quantity(float(f"{ns / factor:.3g}"), unit)


def plain(title):
    return re.sub(r"[*`]", "", title)


class Scale:
    def __init__(self, figures):
        self.first = math.floor(math.log10(min(figures)))
        self.last = math.ceil(math.log10(max(figures)))

    def x(self, ns):
        part = (math.log10(ns) - self.first) / (self.last - self.first)
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def decades(self):
        return [10.0 ** each for each in range(self.first, self.last + 1)]


def dot(x, y, what):
    return f'<circle class="{what}" cx="{x}" cy="{y}" r="5"/>'


def text(x, y, words, what="", anchor="start"):
    return f'<text class="{what}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def figures_of(measured):
    return {what: of.median for what, of in (("kept", measured.kept), ("new", measured.new)) if of}


def row(measured, scale, y):
    ours = " ours" if measured.way.title.startswith("**") else ""
    figures = figures_of(measured)
    least, most = (scale.x(of(figures.values())) for of in (min, max))
    return [text(LEFT - 14, y + 4, plain(measured.way.title), ours.strip(), "end"),
            f'<line class="kept{ours}" x1="{least}" y1="{y}" x2="{most}" y2="{y}"/>',
            *(dot(scale.x(ns), y, what + ours) for what, ns in figures.items()),
            text(most + 11, y + 4, " / ".join(map(in_words, figures.values())), "small")]


def draw(measured):
    """The cheapest first."""
    rows = sorted(measured, key=lambda each: min(figures_of(each).values()))
    scale = Scale([figure for each in rows for figure in figures_of(each).values()])
    bottom = TOP + ROW * len(rows)
    drawn = [text(20, 26, "One get of the token, client and server on one processor", "title"),
             dot(26, 46, "kept"), text(38, 50, "on what is kept", "small"),
             dot(146, 46, "new"), text(158, 50, "with a connection of its own", "small"),
             text(340, 50, "median; logarithmic scale", "small")]
    for ns in scale.decades():
        drawn += [f'<line class="grid" x1="{scale.x(ns)}" y1="{TOP - 12}" x2="{scale.x(ns)}" '
                  f'y2="{bottom}"/>',
                  text(scale.x(ns), bottom + 16, in_words(ns), "small", "middle")]
    for i, each in enumerate(rows):
        drawn += row(each, scale, TOP + ROW * i + ROW // 2 - 8)
    height = bottom + 30
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="cost of one get, by way of getting it">',
        f"<style>\n{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *drawn,
        "</svg>", ""])
