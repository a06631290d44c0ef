"""Tables whose lines are right or wrong."""

from __future__ import annotations

import pytest

from bench.validation.judged_table import list_markdown_lines, print_judged
from tests.bench.report.printing import capture

TITLES, TEXTS = ("loader", "tunings", "found"), ("loader",)
LINES = [(("own [dim]", "40", "100%"), True), (("waiting", "8", "50%"), False)]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "loader     tunings  found\nown [dim]       40   100%  right\nwaiting          8    50%  WRONG"),
        (28, "loader     found\nown [dim]   100%  right\nwaiting      50%  WRONG"),
    ],
)
def test_a_narrow_screen_leaves_out_spare_columns(width, shown) -> None:
    """The others, and whether a line is right, are shown in full."""
    text = capture(lambda console: print_judged(console, TITLES, TEXTS, LINES, spare=["tunings"]), width)
    assert [line.rstrip() for line in text.splitlines()] == ["", *shown.splitlines(), ""]


def test_markdown_has_all_columns() -> None:
    """Numbers are on the right."""
    assert list_markdown_lines(TITLES, TEXTS, (cells for cells, _ in LINES)) == [
        "| loader | tunings | found |",
        "| --- | ---: | ---: |",
        "| own [dim] | 40 | 100% |",
        "| waiting | 8 | 50% |",
    ]
