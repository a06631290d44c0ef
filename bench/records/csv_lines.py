"""CSV lines: cells that are safe to write, and whole lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from bench.text import printable


def escape_cell(text: str) -> str:
    """Return a cell as one line of printable characters that no spreadsheet takes for a formula.

    An exception's text can hold line ends, terminal sequences or a leading `=`.
    """
    line = printable(text)
    return f"'{line}" if line[:1] in ("=", "+", "@") or (line[:1] == "-" and not _is_number(line)) else line


def keep_whole_lines(content: bytes) -> bytes:
    """Return the content up to the end of its last whole line.

    A killed sweep leaves half a line after it, a power cut zeros.
    """
    return content[: content.rstrip(b"\0").rfind(b"\n") + 1]


def encode_line(cells: Iterable[str]) -> bytes:
    """Return the line of a file that holds these cells."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
