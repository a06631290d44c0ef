"""Answer: the possible gain for a kind of work, the configuration to use, its gain, and what bounds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bench.analysis.device_busy import DeviceBusy, find_busy
from bench.analysis.intervals import from_cells
from bench.analysis.naming import split_names
from bench.analysis.possible_gain import PossibleGain, find_possible_gain
from bench.analysis.ranking import group_by_work
from bench.analysis.statistics import Estimate
from bench.analysis.verdict import Kind, reach_verdict

# From this share on a ceiling bounds a configuration; below it, the loader does.
REACHED = 0.9


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
        contention: share of an epoch by which the step takes longer beside the loader than alone; None where
            that is unknown, and on a GPU, whose steps the host doesn't time.
        teardown: share of an epoch in which the loader ends, with workers that don't stay.
        has_step: whether the batches were trained on; False for the loader alone.
        possible_gain: what an infinitely fast loader would gain; None where it is unknown.
        device: `cpu` or `cuda`.
        busy: how busy the GPU is with the configuration; default None where nothing was timed on one.
        baseline_busy: the same of the baseline.
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
    contention: float | None
    teardown: float
    has_step: bool
    possible_gain: PossibleGain | None
    device: str
    busy: DeviceBusy | None = None
    baseline_busy: DeviceBusy | None = None

    @property
    def is_baseline(self) -> bool:
        """True if the configuration to use is the baseline itself."""
        return self.configuration == self.baseline

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
    busy = {int(line["configuration"]): find_busy(line) for _, line in summary.iterrows()}
    return [_answer(group, of_work, busy) for group in group_by_work(summary)]


def _answer(group: pd.DataFrame, of_work: list[str], busy: Mapping[int, DeviceBusy | None]) -> Answer:
    verdict = reach_verdict(group)
    line = group.set_index("configuration").loc[verdict.cheapest]
    speed = from_cells(line, "samples_per_s")
    assert speed is not None  # a ranked line has a throughput
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
        contention=_find_contention(line),
        teardown=float(line["teardown_s"] / line["wall_s"]),
        has_step=line["step"] != "none",
        possible_gain=find_possible_gain(group, verdict.cheapest),
        device=line["device"],
        busy=busy[verdict.cheapest],
        baseline_busy=busy.get(int(line["baseline"])),
    )


def _find_contention(line: pd.Series) -> float | None:
    """Return the share of an epoch by which the step takes longer beside the loader than alone."""
    alone = from_cells(line, "step_share")
    if alone is None or line["device"] != "cpu" or pd.isna(line["step_s"]):
        return None
    return max(0.0, float(line["step_s"] / line["wall_s"]) - alone.median)
