"""Ceiling shares: the ceiling that bounds a configuration, and the share of it that is reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import divide_by_block, find_sound, is_in_phase, select_counted

# The family that measures a ceiling, and the columns in which a configuration below it agrees with it.
CEILINGS = {
    "step": (
        "step_ceiling",
        ["device", "num_threads", "step", "loss", "cuda_graph", "batch_size", "sample_shape"],
    ),
    "read": ("read_ceiling", ["dataset", "device", "num_threads", "batch_size"]),
    "bus": ("bus_ceiling", ["device", "num_threads", "batch_size", "resize", "scale_on"]),
}


@dataclass(frozen=True)
class CeilingThroughputs:
    """Throughputs of one kind of ceiling.

    Attributes:
        name: `step`, `read` or `bus`.
        failed: whether one of them failed, so that nobody knows whether it would have bound.
        speeds: samples per second of each block, by the values of the columns of `CEILINGS`.
    """

    name: str
    failed: bool
    speeds: Mapping[tuple[Any, ...], Mapping[int, float]]

    def find(self, identity: Mapping[str, Any]) -> Mapping[int, float] | None:
        """Return the samples per second of each block of the ceiling over a configuration; None for none."""
        # A batch that is made on the device crosses no bus and is read from no memory of the host.
        applies = self.name == "step" or (self.name, identity["device"]) == ("read", "cpu")
        if not applies and not identity.get("transfer"):
            return None
        return self.speeds.get(tuple(identity.get(column, "") for column in CEILINGS[self.name][1]))


@dataclass(frozen=True)
class CeilingShare:
    """The lowest ceiling of a configuration.

    Attributes:
        name: `step`, `read` or `bus`.
        samples_per_s: median throughput of the ceiling.
        share: throughput of the configuration over that of the ceiling, taken inside each block.
    """

    name: str
    samples_per_s: float
    share: Estimate | None


def find_ceiling_throughputs(ceilings: pd.DataFrame | None, phase: str) -> list[CeilingThroughputs]:
    """Return the throughputs of each kind of ceiling.

    Args:
        ceilings: rows of `ceilings.csv`; None where none were measured.
        phase: `steady` or `cold`.
    """
    if ceilings is None:
        return []
    # A configuration without a knob has an empty cell there, and so has a ceiling of an older sweep.
    knobs = {column for _, columns in CEILINGS.values() for column in columns} - set(ceilings.columns)
    ceilings = ceilings.assign(**dict.fromkeys(knobs, ""))
    counted = select_counted(ceilings[ceilings["configuration"].isin(find_sound(ceilings))], phase)
    timed = counted[is_in_phase(counted, phase)]
    return [
        CeilingThroughputs(
            name=name,
            failed=bool(((ceilings["family"] == family) & (ceilings["status"] != "ok")).any()),
            speeds=divide_by_block(timed[timed["family"] == family], columns),
        )
        for name, (family, columns) in CEILINGS.items()
    ]


def find_ceiling_share(
    identity: Mapping[str, Any], own: Mapping[int, float], ceilings: Iterable[CeilingThroughputs]
) -> CeilingShare | None:
    """Return the lowest ceiling of a configuration, and the share of it that is reached.

    Args:
        identity: the cells of the summary that tell the configuration from others.
        own: its samples per second of each block.
        ceilings: the throughputs of each kind of ceiling.

    Returns:
        None where no ceiling was measured, or where one failed that could be the lowest.
    """
    lowest: tuple[float, str, Mapping[int, float]] | None = None
    for ceiling in ceilings:
        speeds = ceiling.find(identity)
        if speeds is None:
            if ceiling.failed:
                return None
            continue
        median = statistics.median(speeds.values())
        if lowest is None or median < lowest[0]:
            lowest = median, ceiling.name, speeds
    if lowest is None:
        return None
    median, name, speeds = lowest
    return CeilingShare(name, median, estimate(pair_ratios(own, speeds)))
