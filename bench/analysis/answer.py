"""Answer: the possible gain for a kind of work, the configuration to use, its gain, and what bounds it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.intervals import from_cells
from bench.analysis.naming import split_names
from bench.analysis.ranking import group_by_work
from bench.analysis.statistics import Estimate
from bench.analysis.verdict import Kind, reach_verdict
from bench.analysis.warnings import NOISE_OVER_CEILING

# From this share on a ceiling bounds a configuration; below it, the loader does.
REACHED = 0.9
# A baseline that reaches this share of the step alone leaves nothing to gain.
ALL = 0.95


@dataclass(frozen=True)
class Answer:
    """The configuration to use for one kind of work. Configurations go by their numbers.

    Attributes:
        work: cells that tell this kind of work from the others of the sweep, such as `batch_size=64`; empty
            where there is one kind.
        configuration: the one to use: the cheapest of the tie set, or the fastest where nothing ties.
        baseline: the one that it is compared with.
        kind: kind of the verdict on this work.
        tied: others that can't be told from the fastest, the fastest first.
        unknown: others near the fastest that have too few blocks to know.
        samples_per_s: throughput of the configuration.
        ratio: throughput over that of the baseline, taken inside each block; None where the baseline failed.
        ceiling: the lowest ceiling: `step`, `read` or `bus`; empty where none is known.
        ceiling_share: share of that ceiling that is reached; None where none is known.
        waiting: share of an epoch in which the training loop waits for data.
        has_step: whether the batches were trained on; False for the loader alone.
        step_samples_per_s: throughput of the step alone, which is that of this training with an infinitely
            fast loader; None where it is unknown, or where only noise explains the measured share of it.
        step_share: share of it that the configuration reaches; None where that is unknown.
        possible_ratio: throughput of the step alone over that of the baseline, taken inside each block; None
            where one of them is unknown.
    """

    work: str
    configuration: int
    baseline: int
    kind: Kind
    tied: tuple[int, ...]
    unknown: tuple[int, ...]
    samples_per_s: Estimate
    ratio: Estimate | None
    ceiling: str
    ceiling_share: Estimate | None
    waiting: float
    has_step: bool
    step_samples_per_s: float | None
    step_share: Estimate | None
    possible_ratio: Estimate | None

    @property
    def is_baseline(self) -> bool:
        """True if the configuration to use is the baseline itself."""
        return self.configuration == self.baseline

    @property
    def baseline_share(self) -> Estimate | None:
        """Share of the throughput of the step alone that the baseline reaches; None where it is unknown."""
        return None if self.possible_ratio is None else _invert(self.possible_ratio)

    @property
    def has_gain(self) -> bool:
        """False if the whole interval of the baseline's share lies above 95%."""
        share = self.baseline_share
        return share is None or share.low is None or share.low < ALL

    @property
    def bound(self) -> str:
        """Name of the ceiling where 90% of it is reached, else `loader`."""
        reached = self.ceiling_share is not None and self.ceiling_share.median >= REACHED
        return self.ceiling if reached else "loader"


def find_answers(summary: pd.DataFrame) -> list[Answer]:
    """Find the configuration to use for each kind of work.

    Args:
        summary: the lines of the sweep's configurations.

    Returns:
        One answer for each kind of work with a ranked configuration. A kind that holds a baseline comes
        first, then the order is that of the grid.
    """
    of_work, _ = split_names(summary)
    baselines = set(summary["baseline"])

    def place(group: pd.DataFrame) -> tuple[bool, int]:
        return not group["configuration"].isin(baselines).any(), int(group["configuration"].min())

    return [_answer(group, of_work) for group in sorted(group_by_work(summary), key=place)]


def _answer(group: pd.DataFrame, of_work: list[str]) -> Answer:
    verdict = reach_verdict(group)
    line = group.set_index("configuration").loc[verdict.cheapest]
    speed = from_cells(line, "samples_per_s")
    assert speed is not None  # a ranked line has a throughput
    share = from_cells(line, "step_share")
    knows_step = share is not None and share.median <= NOISE_OVER_CEILING
    return Answer(
        work=" ".join(f"{name}={line[name]}" for name in of_work),
        configuration=verdict.cheapest,
        baseline=int(line["baseline"]),
        kind=verdict.kind,
        tied=tuple(number for number in verdict.tied if number != verdict.cheapest),
        unknown=verdict.unknown,
        samples_per_s=speed,
        ratio=from_cells(line, "ratio"),
        ceiling=line["ceiling"],
        ceiling_share=from_cells(line, "ceiling_share"),
        waiting=float(line["data_wait_s"] / line["wall_s"]),
        has_step=line["step"] != "none",
        step_samples_per_s=float(line["step_samples_per_s"]) if knows_step else None,
        step_share=share if knows_step else None,
        possible_ratio=from_cells(line, "possible_ratio") if knows_step else None,
    )


def _invert(ratio: Estimate) -> Estimate:
    """Return the estimate of 1 over a ratio."""
    if ratio.low is None or ratio.high is None:
        return Estimate(1 / ratio.median, None, None, ratio.blocks)
    return Estimate(1 / ratio.median, 1 / ratio.high, 1 / ratio.low, ratio.blocks)
