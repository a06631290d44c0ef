"""Words of the leaders: a title, and the texts of each line."""

from __future__ import annotations

from typing import NamedTuple

from bench.analysis.leaders import Leader, Leaders
from bench.text import format_rate, format_ratio


class LeaderCells(NamedTuple):
    """Texts of a leader in a table.

    Attributes:
        name: name of the configuration.
        samples_per_s: throughput.
        ratio: ratio to the baseline, or `baseline`; empty where it is unknown.
        interval: 95% interval of the ratio; empty where there are too few blocks.
    """

    name: str
    samples_per_s: str
    ratio: str
    interval: str


def title_leaders(leaders: Leaders) -> str:
    """Return the title of a table of leaders."""
    if leaders.kinds > 1:
        return "best so far of each kind of work"
    return "best so far" if leaders.configurations > 1 else "so far"


def make_cells(leader: Leader) -> LeaderCells:
    """Return the texts of a leader."""
    rate, ratio = format_rate(leader.samples_per_s.median), leader.ratio
    if leader.is_baseline or ratio is None:
        return LeaderCells(leader.name, rate, "baseline" if leader.is_baseline else "", "")
    interval = (
        ""
        if ratio.low is None or ratio.high is None
        else f"{format_ratio(ratio.low)}–{format_ratio(ratio.high)}"
    )
    return LeaderCells(leader.name, rate, format_ratio(ratio.median), interval)


def describe_leader(leader: Leader) -> str:
    """Return a leader in words, such as `num_workers=4 at 1,234 samples/s (1.5 × base, 1.4–1.6)`."""
    cells = make_cells(leader)
    if leader.is_baseline:
        details = " (baseline)"
    elif not cells.ratio:
        details = ""
    else:
        details = f" ({', '.join(filter(None, (f'{cells.ratio} × base', cells.interval)))})"
    return f"{cells.name} at {cells.samples_per_s} samples/s{details}"
