"""Lines of a CSV file: cells that are safe to write, and whole lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from bench.text import printable


def escape_cell(text: str) -> str:
    """One line of printable characters that no spreadsheet takes for a formula.

    An exception's text comes from outside, and can hold line ends, terminal sequences or a leading `=`.
    """
    line = printable(text)
    return f"'{line}" if line[:1] in ("=", "+", "@") or (line[:1] == "-" and not _is_number(line)) else line


def keep_whole_lines(content: bytes) -> bytes:
    """All up to the last end of a line; a power cut may leave zeros after it."""
    return content[: content.rstrip(b"\0").rfind(b"\n") + 1]


def encode_line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
