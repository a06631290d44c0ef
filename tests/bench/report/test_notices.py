"""Notices: a box at once, one line at the end."""

from __future__ import annotations

import io

from rich.console import Console

from bench.report.notices import Notices


def test_a_notice_is_a_box_and_then_a_line() -> None:
    """Square brackets are text; the line holds the first sentence."""
    console = Console(file=io.StringIO(), width=120)
    notices = Notices(console)
    notices.add("Data are [synthetic]. Nothing was found in x.")
    box = console.file.getvalue()
    assert "NOTICE" in box
    assert "Data are [synthetic]. Nothing was found in x." in box
    assert len(box.splitlines()) == 3
    notices.remind()
    assert console.file.getvalue() == f"{box}Notice: Data are [synthetic].\n"
