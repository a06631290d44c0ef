"""Markup: text of rich as HTML."""

from __future__ import annotations

from itertools import pairwise

from markupsafe import Markup, escape
from rich.text import Text


def to_html(text: Text) -> Markup:
    """Return a text as HTML: bold parts are `strong` elements, and everything is escaped."""
    bold = [span for span in text.spans if "bold" in str(span.style) and "not bold" not in str(span.style)]
    marks = sorted({0, len(text.plain), *(place for span in bold for place in (span.start, span.end))})
    parts = []
    for start, end in pairwise(marks):
        part = escape(text.plain[start:end])
        is_bold = any(span.start <= start and end <= span.end for span in bold)
        parts.append(Markup("<strong>{}</strong>").format(part) if is_bold else part)
    return Markup("").join(parts)
