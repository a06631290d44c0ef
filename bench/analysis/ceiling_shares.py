"""Ceiling shares: the ceiling that bounds a configuration, and the share of it that is reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import divide_by_block, find_sound, is_in_phase, select_counted
from bench.records.row import find_knobs

# The family that measures a ceiling, and the columns in which a configuration below it agrees with it.
CEILINGS = {
    "step": (
        "step_ceiling",
        ["device", "num_threads", "step", "loss", "cuda_graph", "batch_size", "sample_shape"],
    ),
    "read": ("read_ceiling", ["dataset", "device", "num_threads", "batch_size"]),
    "bus": ("bus_ceiling", ["device", "num_threads", "batch_size", "resize", "scale_on"]),
}
# The same for the step of a user's own training, beside the knobs of its ceiling. The last batch of an epoch
# may have another shape in each, so the shape tells nothing.
OWN_STEP = ["device", "num_threads", "step", "loss", "cuda_graph"]


@dataclass(frozen=True)
class CeilingThroughputs:
    """Throughputs of one kind of ceiling.

    Attributes:
        name: `step`, `read` or `bus`.
        failed: whether one of them failed, so that nobody knows whether it would have bound.
        columns: columns in which a configuration below one of them agrees with it.
        speeds: samples per second of each block, by the values of these columns.
    """

    name: str
    failed: bool
    columns: Sequence[str]
    speeds: Mapping[tuple[Any, ...], Mapping[int, float]]

    def find(self, identity: Mapping[str, Any]) -> Mapping[int, float] | None:
        """Return the samples per second of each block of the ceiling over a configuration; None for none."""
        # A batch that is made on the device crosses no bus and is read from no memory of the host.
        applies = self.name == "step" or (self.name, identity["device"]) == ("read", "cpu")
        if not applies and not identity.get("transfer"):
            return None
        return self.speeds.get(tuple(identity.get(column, "") for column in self.columns))


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
    found = dict(CEILINGS)
    knobs = find_knobs(list(ceilings.columns))
    # Pictures have this knob.
    if "resize" not in knobs:
        found["step"] = "step_ceiling", [*OWN_STEP, *knobs]
    # A configuration without a knob has an empty cell there, and so has a ceiling of an older sweep.
    lacking = {column for _, columns in found.values() for column in columns} - set(ceilings.columns)
    ceilings = ceilings.assign(**dict.fromkeys(lacking, ""))
    counted = select_counted(ceilings[ceilings["configuration"].isin(find_sound(ceilings))], phase)
    timed = counted[is_in_phase(counted, phase)]
    return [
        CeilingThroughputs(
            name=name,
            failed=bool(((ceilings["family"] == family) & (ceilings["status"] != "ok")).any()),
            columns=columns,
            speeds=divide_by_block(timed[timed["family"] == family], columns),
        )
        for name, (family, columns) in found.items()
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


def find_step_throughputs(
    identity: Mapping[str, Any], ceilings: Iterable[CeilingThroughputs]
) -> Mapping[int, float]:
    """Return the samples per second of each block of the step alone, as an infinitely fast loader feeds it.

    Args:
        identity: the cells of the summary that tell a configuration from others.
        ceilings: the throughputs of each kind of ceiling.

    Returns:
        Nothing where the step of this configuration was not measured alone.
    """
    found = [ceiling.find(identity) for ceiling in ceilings if ceiling.name == "step"]
    return next((speeds for speeds in found if speeds is not None), {})
