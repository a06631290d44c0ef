"""Colours and marks of charts: safe for the colour-blind, on light and dark pages, and in black and white."""

from __future__ import annotations

# Neutral parts are black with an opacity: an SVG replaces black by the text's colour of its page.
INK, MUTED, FAINT = (0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.62), (0.0, 0.0, 0.0, 0.14)
# Text on a coloured area keeps its colour on any page.
ON_LIGHT, ON_DARK = "#111111", "#fefefe"
# Gaps between areas have the colour of the page.
SURFACE = "#ffffff"
# Contrast of at least 3 to white and to #0d1117. Series differ in their markers as well.
BEST, BASELINE = "#0b7ac4", "#d55e00"
SERIES = (BEST, BASELINE, "#009e73", "#b0629a", "#8a6d3b", "#4c9a9a", "#7a6fd0", "#808080")
MARKERS = ("o", "D", "s", "^", "v", "P", "X", "*")


def choose_ink(color: tuple[float, float, float] | tuple[float, float, float, float]) -> str:
    """Return the colour of a text on an area of some colour.

    Args:
        color: red, green and blue from 0 to 1; an opacity after them is ignored.
    """
    red, green, blue = color[:3]
    return ON_DARK if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else ON_LIGHT
