# SPDX-License-Identifier: MIT
"""svg - a terminal's screen as an SVG: one colour, as bearerctl has it, and another for what was typed.

Each line has the length that it has on a terminal, whatever the font is there."""

from html import escape

WIDTH, HEIGHT = 8.4, 19     # of a character
MARGIN = 20
BASELINE = 12               # of a line, below its top

FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height}" viewBox="0 0 {width:g} {height}" role="img" \
aria-label="{typed} on a terminal">
<!-- SPDX-License-Identifier: MIT; by tests/picture/run -->
<rect width="{width:g}" height="{height}" rx="8" fill="#1c2128"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d0d7de" xml:space="preserve">
{texts}
</g>
</svg>
"""


def text(number, line, more=""):
    return (f'<text x="{MARGIN}" y="{MARGIN + BASELINE + number * HEIGHT}" '
            f'textLength="{len(line) * WIDTH:.1f}"{more}>{escape(line, quote=False)}</text>')


def draw(typed, lines, columns):
    """What was TYPED, a line without anything, and LINES of a terminal with that many COLUMNS."""
    shown = [(number, line) for number, line in enumerate(lines, 2) if line]
    texts = [text(0, f"$ {typed}", ' fill="#7ee787"'), *(text(*each) for each in shown)]
    return FRAME.format(width=2 * MARGIN + columns * WIDTH, typed=typed, texts="\n".join(texts),
                        height=2 * MARGIN + (shown[-1][0] + 1) * HEIGHT)
