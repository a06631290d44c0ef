"""Findings on transfers to a GPU in words: hidden copies and page-locked memory."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd
from rich.console import Console
from rich.markup import escape

from bench.analysis.device_findings import (
    HiddenCopies,
    PinningComparison,
    compare_pinning,
    find_hidden_copies,
)
from bench.report.console import print_line
from bench.text import join_few

VERDICTS = {"wins": "[bold green]wins[/]", "loses": "[bold red]loses[/]"}


def print_device_findings(console: Console, runs: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Print the findings on transfers, one line each; nothing without a GPU.

    Args:
        console: console to print to.
        runs: rows of runs.csv.
        summary: lines of their summary.
    """
    _print_hidden_copies(console, find_hidden_copies(summary))
    _print_pinning(console, compare_pinning(runs, summary))


def _print_hidden_copies(console: Console, found: list[HiddenCopies]) -> None:
    alike: dict[tuple[int | None, tuple[int, ...]], list[HiddenCopies]] = defaultdict(list)
    for hidden in found:
        alike[hidden.batch_size, hidden.sizes].append(hidden)
    for (size, sizes), members in alike.items():
        measured = f"of {', '.join(map(str, sizes))}"
        said = (
            f"Copies take longer than steps at batch_size={sizes[-1]} ({measured})"
            if size is None
            else f"Copies are shorter than steps from batch_size={size} on ({measured})"
        )
        print_line(console, f"{said}: {escape(join_few(one.name for one in members))}.")


def _print_pinning(console: Console, found: list[PinningComparison]) -> None:
    if not found:
        return
    print_line(console, "Page-locked memory against ordinary, everything else equal:")
    rest: dict[str, int] = defaultdict(int)
    for pinning in sorted(found, key=lambda one: -one.ratio.median):
        if pinning.verdict in VERDICTS:
            ratio = pinning.ratio
            print_line(
                console,
                f"  {VERDICTS[pinning.verdict]} × {ratio.median:.3g} ({ratio.low:.3g}–{ratio.high:.3g}): "
                f"{escape(pinning.name)}",
            )
        else:
            rest[pinning.verdict] += 1
    for verdict, count in rest.items():
        print_line(console, f"  {verdict} for {count} of {len(found)}")
