"""RankedSweep: the configurations that charts show, by kind of work."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from typing_extensions import Self

from bench.analysis.ranking import group_by_work
from bench.report.labels import Labels, make_report_labels
from bench.report.sweep.sweep_results import SweepResults

# More rows than these can't be taken in, and make a picture of several screens.
MOST_ROWS, MOST_WORKS = 18, 5
# Each kind of work shows at least so many rows.
FEWEST_ROWS = 3


@dataclass(frozen=True)
class WorkGroup:
    """The ranked configurations of one kind of work.

    Attributes:
        work: name of the kind, such as `batch_size=64`; empty where the sweep has one kind.
        lines: lines of the summary, the best first.
        shown: those of the best and of the baseline.
        rest: all others.
    """

    work: str
    lines: pd.DataFrame
    shown: pd.DataFrame
    rest: pd.DataFrame


@dataclass(frozen=True)
class RankedSweep:
    """The configurations that charts show, by kind of work.

    Attributes:
        summary: lines of all ranked configurations.
        runs: rows of runs.csv.
        labels: names of the configurations.
        groups: kinds of work that have rows of their own in a chart, the baseline's first.
        more_works: number of further kinds of work.
    """

    summary: pd.DataFrame
    runs: pd.DataFrame
    labels: Labels
    groups: tuple[WorkGroup, ...]
    more_works: int

    @classmethod
    def of(cls, results: SweepResults) -> Self | None:
        """Return the ranked configurations of a sweep; None where none has a rank.

        A failed configuration has no rank.
        """
        ranked = results.summary[results.summary["rank"].notna()]
        if ranked.empty:
            return None
        labels = make_report_labels(ranked)
        works = group_by_work(ranked)
        kept = works[:MOST_WORKS]
        most_rows = max(FEWEST_ROWS, MOST_ROWS // len(kept))
        groups = tuple(_select(lines, labels, most_rows) for lines in kept)
        return cls(ranked, results.runs, labels, groups, len(works) - len(kept))

    @property
    def phase(self) -> str:
        """Phase that the figures describe, `steady` or `cold`."""
        return str(self.summary["phase"].iloc[0])

    @property
    def shown(self) -> pd.DataFrame:
        """Lines of all configurations that have rows of their own, in the order of a chart."""
        return pd.concat([group.shown for group in self.groups])

    def name(self, line: pd.Series) -> str:
        """Return the name of a configuration among those of its kind of work."""
        return self.labels.short[int(line["configuration"])]

    def name_fully(self, line: pd.Series) -> str:
        """Return the name of a configuration among all."""
        return self.labels.full[int(line["configuration"])]


def is_baseline(line: pd.Series) -> bool:
    """Return whether a line of a summary is that of a baseline."""
    return bool(line["configuration"] == line["baseline"])


def find_fastest(lines: pd.DataFrame) -> pd.Series:
    """Return the line with the highest throughput."""
    return lines.iloc[int(lines["samples_per_s"].to_numpy().argmax())]


def find_slowest(lines: pd.DataFrame) -> pd.Series:
    """Return the line with the lowest throughput."""
    return lines.iloc[int(lines["samples_per_s"].to_numpy().argmin())]


def list_numbers(lines: pd.DataFrame) -> tuple[int, ...]:
    """Return the numbers of the configurations of some lines."""
    return tuple(int(number) for number in lines["configuration"])


def _select(lines: pd.DataFrame, labels: Labels, most_rows: int) -> WorkGroup:
    """Choose the rows of a kind of work: the best, and the baseline wherever it stands.

    Args:
        lines: lines of the kind, the best first.
        labels: names of the configurations.
        most_rows: number of rows that it may have.
    """
    work = labels.work[int(lines["configuration"].iloc[0])]
    place = pd.Series(range(len(lines)), index=lines.index)
    kept = place < most_rows
    if len(lines) == most_rows + 1:
        # A row that sums up one configuration could as well be its own.
        kept[:] = True
    baseline = lines["configuration"] == lines["baseline"]
    if (baseline & ~kept).any():
        kept = (place < most_rows - 1) | baseline
    return WorkGroup(work, lines, lines[kept], lines[~kept])
