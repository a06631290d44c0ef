"""What is said of a sweep on a GPU: from which batch size on copies hide, and where pinning wins."""

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
from bench.text import join_few

VERDICTS = {"wins": "[bold green]wins[/]", "loses": "[bold red]loses[/]"}


def print_device_findings(console: Console, runs: pd.DataFrame, summary: pd.DataFrame) -> None:
    """All of it, one line a finding; nothing where it was not measured."""
    alike: dict[tuple[int | None, tuple[int, ...]], list[HiddenCopies]] = defaultdict(list)
    for hiding in find_hidden_copies(summary):
        alike[hiding.batch_size, hiding.sizes].append(hiding)
    for (size, sizes), found in alike.items():
        measured = f"of {', '.join(map(str, sizes))}"
        said = (
            f"Copies take longer than steps at batch_size={sizes[-1]} ({measured})"
            if size is None
            else f"Copies are shorter than steps from batch_size={size} on ({measured})"
        )
        console.print(f"{said}: {escape(join_few(one.name for one in found))}.", soft_wrap=True)
    found_pinnings = compare_pinning(runs, summary)
    if not found_pinnings:
        return
    console.print("Page-locked memory against ordinary, everything else equal:")
    rest: dict[str, int] = defaultdict(int)
    for pinning in sorted(found_pinnings, key=lambda one: -one.ratio.median):
        if pinning.verdict in VERDICTS:
            console.print(f"  {_said(pinning)}", soft_wrap=True)
        else:
            rest[pinning.verdict] += 1
    for verdict, count in rest.items():
        console.print(f"  {verdict} for {count} of {len(found_pinnings)}", soft_wrap=True)


def _said(pinning: PinningComparison) -> str:
    low, high = pinning.ratio.low, pinning.ratio.high
    return (
        f"{VERDICTS[pinning.verdict]} × {pinning.ratio.median:.3g} ({low:.3g}–{high:.3g}): "
        f"{escape(pinning.name)}"
    )
