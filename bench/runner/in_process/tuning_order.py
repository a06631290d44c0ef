"""TuningOrder: what a tuning inside a training is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.trial_epoch import Step


@dataclass(frozen=True)
class TuningOrder:
    """Order of a tuning inside a training.

    Attributes:
        budget: its time.
        cores: cores that this process may use.
        step: takes each batch, as the training does; None for a training that isn't known.
        knobs: the only values to try of some settings; None for the usual ones of all.
        leaves_open: whether reading a sample leaves a file, a connection or a thread in its process.
    """

    budget: Budget
    cores: int
    step: Step | None = None
    knobs: Mapping[str, Sequence[Any]] | None = None
    leaves_open: bool = False
