"""StepSpec: which step trains on the batches, and with which loss and learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model.graphed_step import GraphSpec
from model.losses import Loss

STEPS = ("analytic", "autograd", "none")


@dataclass(frozen=True)
class StepSpec:
    """The choice of a train step.

    Attributes:
        name: one of `STEPS`.
        loss: the loss to train with. The step "none" ignores it.
        learning_rate: finite and above 0. None, the default, stands for the loss's own.
        graph: replays the analytic step as CUDA graphs. None, the default, launches each operation by
            itself.

    Raises:
        ValueError: the name is not in `STEPS`, the learning rate is not finite or not above 0, or the step
            of the graph is another than the analytic one.
    """

    name: str
    loss: Loss
    learning_rate: float | None = None
    graph: GraphSpec | None = None

    def __post_init__(self) -> None:
        if self.name not in STEPS:
            raise ValueError(f"unknown step {self.name!r}; allowed: {', '.join(STEPS)}")
        if not 0 < self.rate < math.inf:
            raise ValueError(f"the learning rate is {self.rate}; it must be finite and above 0")
        if self.graph and self.name != "analytic":
            raise ValueError(f"a CUDA graph needs the step analytic; the step is {self.name}")

    @property
    def rate(self) -> float:
        """Return the learning rate in use."""
        return self.loss.default_learning_rate if self.learning_rate is None else self.learning_rate
