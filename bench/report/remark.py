"""Remark: one line of a report with a title, for the terminal, a notebook and the page alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.markup import escape

from bench.report.console import print_line

Grade = Literal["failure", "caution", "fact"]
STYLES: dict[Grade, str] = {"failure": "bold red", "caution": "bold yellow", "fact": "not bold"}


@dataclass(frozen=True)
class Remark:
    """One line of a report.

    Attributes:
        title: the subject in a few words of plain text.
        text: one or more sentences of plain text.
        grade: `failure` for something that wasn't measured, `caution` for a reason to distrust figures,
            `fact` for anything else; default `fact`.
    """

    title: str
    text: str
    grade: Grade = "fact"


def print_remarks(console: Console, remarks: Iterable[Remark]) -> None:
    """Print remarks, one line each."""
    for remark in remarks:
        style = STYLES[remark.grade]
        print_line(console, f"[{style}]{escape(remark.title)}:[/] {escape(remark.text)}")
