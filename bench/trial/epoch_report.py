"""EpochReport: the facts about one epoch that the trial's process sends to the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.machine.interference import Interference
from bench.trial.epoch_timings import EpochTimings


@dataclass(frozen=True)
class EpochReport:
    """Facts about one epoch that the trial's process sends to the sweep.

    Attributes:
        timings: raw readings of the clock.
        train_loss: mean loss of the epoch's samples; None without a step.
        interference: use of the machine by others in the epoch.
        observation: what the workload's inspector saw, valid until the next epoch begins; None for an epoch
            that isn't audited.
        on_device: seconds on the device of the loader's own kernels (`data`), of copies (`transfer`) and of
            steps (`step`); None for an epoch that isn't timed there, or as a value with too many batches to
            time.
        build_s: seconds to read the data and to build the loader; None after the first epoch.
        between_epochs_cpu_s: CPU seconds of the process tree since the end of the previous epoch, without
            those of the main thread, in which the harness works; None for the first epoch.
    """

    timings: EpochTimings
    train_loss: float | None
    interference: Interference
    observation: Any = None
    on_device: Mapping[str, float | None] | None = None
    build_s: float | None = None
    between_epochs_cpu_s: float | None = None
