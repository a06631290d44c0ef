"""What an A/A check says."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.markup import escape

from bench.analysis.aa import NOMINAL, Claims, check_aa
from bench.analysis.naming import make_labels
from bench.text import format_count


def print_aa(console: Console, summary: pd.DataFrame) -> None:
    """How many differences were claimed between twins, and whether that is more than the intervals may."""
    check = check_aa(summary)
    names = make_labels(summary).set_axis(summary["configuration"])
    if len(check.each) > 1:
        for numbers, claims in check.each.items():
            console.print(f"  {escape(names[numbers[0]])}: {_claimed(claims)}", soft_wrap=True)
    total = check.total
    if not total.pairs:
        console.print("[bold yellow]A/A says nothing:[/] no pair has an interval; that takes three blocks.")
        return
    opening = "[bold red]A/A fails:[/]" if total.excessive else "[bold green]A/A holds:[/]"
    console.print(
        f"{opening} {_claimed(total)}. At the nominal {NOMINAL:.0%}, chance explains up to {total.allowed}.",
        soft_wrap=True,
    )
    if total.without_interval:
        console.print(
            f"[yellow]{format_count(total.without_interval, 'pair')} without an interval[/]: a trial failed, or "
            "fewer than three blocks.",
            soft_wrap=True,
        )


def _claimed(claims: Claims) -> str:
    said = f"{claims.claims} of {format_count(claims.pairs, 'pair')} told apart"
    return said if claims.largest is None else f"{said}, largest false difference {claims.largest:.1%}"
