"""DeviceBusy: the share of an epoch in which a GPU computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

# Parts of an epoch in which the GPU computes. Copies run beside them.
COMPUTING = ("device_step_s", "device_data_s")


@dataclass(frozen=True)
class DeviceBusy:
    """Share of an epoch in which the GPU computes: steps, and the loader's own kernels.

    Attributes:
        share: the share, 0 to 1.
        is_bound: whether the GPU may compute for less. A step holds moments in which it waits for the host to
            launch the next kernel, unless it is in CUDA graphs; and the loader's kernels may run beside it.
    """

    share: float
    is_bound: bool


def find_busy(line: Mapping[str, Any] | pd.Series) -> DeviceBusy | None:
    """Return how busy the GPU was with a configuration; None where nothing was timed on one.

    The kernels are timed in an epoch of their own, and the inspection in it takes time. So they are compared
    with the length of the timed epochs.

    Args:
        line: the configuration's line of a summary.
    """
    if line["device"] != "cuda" or line["step"] == "none":
        return None
    if pd.isna(line["device_step_s"]) or pd.isna(line["wall_s"]):
        return None
    step_s, data_s = (0.0 if pd.isna(line[name]) else float(line[name]) for name in COMPUTING)
    is_bound = line["cuda_graph"] != "on" or data_s > 0
    return DeviceBusy(min(1.0, (step_s + data_s) / float(line["wall_s"])), is_bound)
