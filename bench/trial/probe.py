"""Probe: a look into a configuration's loading, beside the trials that are ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.plan.configuration import Configuration
from bench.trial.workload import Workload

Kind = Literal["trace", "ladder"]


@dataclass(frozen=True)
class Probe:
    """A look into a configuration's loading, in a process of its own.

    A `trace` runs whole epochs with the step, and yields a BatchTrace of each. A `ladder` runs epochs that
    are cut short, in an order drawn by seed and block, and yields a RungTime of each. It also yields a
    MissingRung for each one that can't be cut, and a PickleCost where there is one.

    Attributes:
        kind: `trace` or `ladder`.
        configuration: the loader, the step and the device.
        workload: what is trained.
        block: block of the measurement, from 0.
        seed: decides the order of the samples and the model's start.
        epochs: number of epochs of a trace, or of passes over the ladder; default 2.
        limit_s: seconds after which a rung's pass ends early; default 2.
    """

    kind: Kind
    configuration: Configuration
    workload: Workload
    block: int
    seed: int
    epochs: int = 2
    limit_s: float = 2.0
