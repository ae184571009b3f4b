# SPDX-License-Identifier: MIT
"""promise - a figure that was set as a goal, and what came out."""

from collections import namedtuple

# GOAL None: it is only told. FIGURE and GOAL are in UNIT.
Promise = namedtuple("Promise", "what figure goal unit", defaults=(None, ""))


def is_kept(promise):
    """None: there is no goal."""
    return None if promise.goal is None else promise.figure <= promise.goal


def verdict(promise):
    return {None: "", True: "yes", False: "no"}[is_kept(promise)]


def digits(figure):
    """As many as tell something."""
    if figure == int(figure) or abs(figure) >= 100:
        return f"{figure:,.0f}"
    if abs(figure) < 0.1:
        return f"{figure:.2g}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def quantity(figure, unit):
    """A ratio with all that it is judged by."""
    is_ratio = not unit and figure != int(figure) and abs(figure) < 10
    return f"{figure:.3f}" if is_ratio else f"{digits(figure)} {unit}".strip()
