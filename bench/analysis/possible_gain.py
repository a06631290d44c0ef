"""PossibleGain: what an infinitely fast loader would gain, by the step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis.intervals import from_cells
from bench.analysis.naming import PARAM
from bench.analysis.statistics import Estimate
from bench.analysis.ties import INDIFFERENT
from bench.analysis.warnings import NOISE_OVER_CEILING

# A baseline that reaches this share of the step alone leaves nothing to gain.
ALL = 0.95
# Settings of a step that does the same work.
SETTINGS = ("num_threads", "cuda_graph")


@dataclass(frozen=True)
class FasterStep:
    """The fastest step alone that does the same work, where it has other settings than the one in use.

    Attributes:
        settings: these settings, such as `num_threads=1`.
        samples_per_s: its throughput.
        ratio: its throughput over that of the baseline, taken inside each block; None where the baseline
            failed.
    """

    settings: str
    samples_per_s: float
    ratio: Estimate | None


@dataclass(frozen=True)
class PossibleGain:
    """Gain of an infinitely fast loader for one kind of work, with the step of the configuration to use.

    Attributes:
        samples_per_s: throughput of the step alone, which an infinitely fast loader would give.
        share: throughput of the configuration to use over it, taken inside each block.
        ratio: throughput of the step alone over that of the baseline, taken inside each block; None where
            the baseline failed.
        settings: settings of this step, such as `num_threads=2`; empty where no other step is faster.
        faster: the fastest step with other settings; None where none is faster by more than 2%.
    """

    samples_per_s: float
    share: float
    ratio: Estimate | None
    settings: str = ""
    faster: FasterStep | None = None

    @property
    def baseline_share(self) -> Estimate | None:
        """Share of the throughput of the step alone that the baseline reaches; None where it failed."""
        return None if self.ratio is None else _invert(self.ratio)

    @property
    def is_none(self) -> bool:
        """True if the whole interval of the baseline's share lies above 95%, also of a faster step."""
        ratios = [self.ratio] if self.faster is None else [self.ratio, self.faster.ratio]
        shares = [None if ratio is None else _invert(ratio).low for ratio in ratios]
        return all(low is not None and low >= ALL for low in shares)


def find_possible_gain(group: pd.DataFrame, configuration: int) -> PossibleGain | None:
    """Return what an infinitely fast loader would gain.

    The step is that of the configuration, so the share is the one that its line of the table has. A step with
    other threads, or in a CUDA graph, may be faster: it is named beside it.

    Args:
        group: ranked lines of a summary that do the same work.
        configuration: number of the configuration to use.

    Returns:
        None where its step was not measured alone, or where the configuration is so much faster than it that
        only noise explains it.
    """
    used = group.set_index("configuration").loc[configuration]
    share = from_cells(used, "step_share")
    if share is None or share.median > NOISE_OVER_CEILING:
        return None
    found = float(used["step_samples_per_s"]), share.median, from_cells(used, "possible_ratio")
    fastest = group.sort_values("step_samples_per_s", ascending=False).iloc[0]
    names = [
        str(name)
        for name in group.columns
        if (name in SETTINGS or str(name).startswith(PARAM)) and fastest[name] != used[name]
    ]
    if not names or fastest["step_samples_per_s"] <= found[0] * (1 + INDIFFERENT):
        return PossibleGain(*found)
    faster = FasterStep(
        _name_settings(fastest, names),
        float(fastest["step_samples_per_s"]),
        from_cells(fastest, "possible_ratio"),
    )
    return PossibleGain(*found, _name_settings(used, names), faster)


def _name_settings(line: pd.Series, names: Sequence[str]) -> str:
    return " ".join(f"{name}={line[name]}" for name in names)


def _invert(ratio: Estimate) -> Estimate:
    """Return the ratio of the two the other way round."""
    low, high = (None if end is None else 1 / end for end in (ratio.high, ratio.low))
    return Estimate(1 / ratio.median, low, high, ratio.blocks)
