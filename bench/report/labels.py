"""Labels: the names of configurations in a report, and the kinds of work that they do."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.naming import make_labels, split_names


@dataclass(frozen=True)
class Labels:
    """Names of the configurations of a summary, by their numbers.

    Attributes:
        work: kind of work, such as `batch_size=64`; empty where the sweep has one kind.
        short: name among those that do the same work.
        full: name among all.
    """

    work: dict[int, str]
    short: dict[int, str]
    full: dict[int, str]


def make_report_labels(summary: pd.DataFrame) -> Labels:
    """Make the names of the configurations of a summary."""
    of_work, of_loader = split_names(summary)
    numbers = [int(number) for number in summary["configuration"]]
    works = [" ".join(f"{name}={line[name]}" for name in of_work) for _, line in summary.iterrows()]
    short = make_labels(summary, of_loader).tolist()
    full = [f"{name} ({work})" if work else name for name, work in zip(short, works, strict=True)]
    return Labels(*(dict(zip(numbers, values, strict=True)) for values in (works, short, full)))
