"""EpochReport: what the trial process tells of one epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.machine.interference import Interference
from bench.trial.epoch_observation import EpochObservation
from bench.trial.measure import EpochTimings


@dataclass(frozen=True)
class EpochReport:
    """What the trial's process tells of one epoch.

    record: what its witness saw, valid until the next epoch begins; None without one. on_device: the seconds
    that the device took for the loader's own kernels (`data`), for copies (`transfer`) and for steps
    (`step`); None where the epoch wasn't timed there.
    """

    timings: EpochTimings
    train_loss: float | None
    interference: Interference
    record: EpochObservation | None
    on_device: Mapping[str, float | None] | None = None
