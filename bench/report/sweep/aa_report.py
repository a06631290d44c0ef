"""The result of an A/A check in words."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from bench.analysis.aa import NOMINAL, AACheck, Claims
from bench.analysis.naming import make_labels
from bench.report.console import print_text
from bench.text import format_count


def print_aa(console: Console, summary: pd.DataFrame, check: AACheck) -> None:
    """Print how many differences were claimed between twins, and whether chance explains as many."""
    for line in describe_aa(summary, check):
        print_text(console, line)


def describe_aa(summary: pd.DataFrame, check: AACheck) -> list[Text]:
    """Return how many differences were claimed between twins, and whether chance explains as many.

    Args:
        summary: lines of the sweep of twins.
        check: claims that were counted in it.

    Returns:
        Lines; the last but one or the last says whether the check holds.
    """
    return [Text.from_markup(line, emoji=False) for line in _list_lines(summary, check)]


def _list_lines(summary: pd.DataFrame, check: AACheck) -> Iterator[str]:
    names = make_labels(summary).set_axis(summary["configuration"])
    if len(check.each) > 1:
        for numbers, claims in check.each.items():
            yield f"  {escape(names[numbers[0]])}: {_describe(claims)}"
    total = check.total
    if not total.pairs:
        yield "[bold yellow]A/A says nothing:[/] no pair has an interval; that takes three blocks."
        return
    opening = "[bold red]A/A fails:[/]" if total.excessive else "[bold green]A/A holds:[/]"
    chance = f"At the nominal {NOMINAL:.0%}, chance explains up to {total.allowed}."
    yield f"{opening} {_describe(total)}. {chance}"
    if total.without_interval:
        pairs = format_count(total.without_interval, "pair")
        yield f"[yellow]{pairs} without an interval[/]: a trial failed, or fewer than three blocks."


def _describe(claims: Claims) -> str:
    said = f"{claims.claims} of {format_count(claims.pairs, 'pair')} told apart"
    return said if claims.largest is None else f"{said}, largest false difference {claims.largest:.1%}"
