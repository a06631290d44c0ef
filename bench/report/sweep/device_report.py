"""Findings on transfers to a GPU in words: hidden copies and page-locked memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pandas as pd
from rich.markup import escape
from rich.text import Text

from bench.analysis.device_findings import (
    HiddenCopies,
    PinningComparison,
    compare_pinning,
    find_hidden_copies,
)
from bench.text import join_few

VERDICTS = {"wins": "[bold green]wins[/]", "loses": "[bold red]loses[/]"}


def describe_device_findings(runs: pd.DataFrame, summary: pd.DataFrame) -> list[Text]:
    """Return the findings on transfers, one line each; none without a GPU.

    Args:
        runs: rows of runs.csv.
        summary: lines of their summary.
    """
    lines = [
        *_describe_hidden_copies(find_hidden_copies(summary)),
        *_describe_pinning(compare_pinning(runs, summary)),
    ]
    return [Text.from_markup(line, emoji=False) for line in lines]


def _describe_hidden_copies(found: list[HiddenCopies]) -> Iterator[str]:
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
        yield f"{said}: {escape(join_few(one.name for one in members))}."


def _describe_pinning(found: list[PinningComparison]) -> Iterator[str]:
    if not found:
        return
    yield "Page-locked memory against ordinary, everything else equal:"
    rest: dict[str, int] = defaultdict(int)
    for pinning in sorted(found, key=lambda one: -one.ratio.median):
        if pinning.verdict in VERDICTS:
            ratio = pinning.ratio
            yield (
                f"  {VERDICTS[pinning.verdict]} × {ratio.median:.3g} ({ratio.low:.3g}–{ratio.high:.3g}): "
                f"{escape(pinning.name)}"
            )
        else:
            rest[pinning.verdict] += 1
    for verdict, count in rest.items():
        yield f"  {verdict} for {count} of {len(found)}"
