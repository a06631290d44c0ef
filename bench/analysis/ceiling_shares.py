"""Which ceiling binds a configuration, and how much of it is reached."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis.ranking import interval_values
from bench.analysis.statistics import Estimate, estimate, paired_ratios
from bench.analysis.throughputs import find_sound, in_phase, select_counted, sum_by_block

# What bounds a configuration is measured in the same sweep by a loader family of its own, and must agree with
# it in these columns.
CEILINGS = {
    "step": (
        "step_ceiling",
        ["device", "num_threads", "step", "loss", "cuda_graph", "batch_size", "sample_shape"],
    ),
    "read": ("read_ceiling", ["dataset", "device", "num_threads", "batch_size"]),
    "bus": ("bus_ceiling", ["device", "num_threads", "batch_size", "resize", "scale_on"]),
}


def ceiling_throughputs(
    ceilings: pd.DataFrame | None, phase: str
) -> dict[str, dict[tuple[Any, ...], dict[int, float]]]:
    """The throughput of each ceiling in each block, by what it bounds."""
    if ceilings is None:
        return {}
    # Families without a knob have an empty cell, and so have the ceilings of sweeps that didn't know it.
    knobs = {column for _, columns in CEILINGS.values() for column in columns} - set(ceilings.columns)
    ceilings = ceilings.assign(**dict.fromkeys(knobs, ""))
    counted = select_counted(ceilings[ceilings["configuration"].isin(find_sound(ceilings))], phase)
    timed = counted[in_phase(counted, phase)]
    return {
        name: sum_by_block(timed[timed["family"] == family], columns)
        # Where one has failed, nobody knows whether it would have bound: the key of nothing says so.
        | ({(): {}} if ((ceilings["family"] == family) & (ceilings["status"] != "ok")).any() else {})
        for name, (family, columns) in CEILINGS.items()
    }


def find_binding_ceiling(
    identity: Mapping[str, Any],
    own: Mapping[int, float],
    bounds: Mapping[str, dict[tuple[Any, ...], dict[int, float]]],
) -> dict[str, Any]:
    """The ceiling that binds, and the share of it that is reached."""
    here = {
        name: speeds[key]
        for name, speeds in bounds.items()
        if (key := tuple(identity.get(column, "") for column in CEILINGS[name][1])) in speeds
        # What lies on the device is bounded neither by the bus nor by the host's memory.
        and (name == "step" or (name, identity["device"]) == ("read", "cpu") or identity.get("transfer"))
    }
    if any(() in speeds for name, speeds in bounds.items() if name not in here):
        here = {}
    # The slower of two binds.
    speed, name = min(
        ((statistics.median(speeds.values()), name) for name, speeds in here.items()), default=(math.nan, "")
    )
    share = estimate(paired_ratios(own, here[name])) if name else None
    return {"ceiling": name, "ceiling_samples_per_s": speed, **name_interval("ceiling_share", share)}


def name_interval(name: str, found: Estimate | None) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval_values(found), strict=True))
