"""InspectedStep: a step after which each batch is inspected."""

from __future__ import annotations

from typing import Any

from bench.trial.measure import Consumer


class InspectedStep:
    """A step after which each batch is inspected as the step got it."""

    def __init__(self, step: Consumer, inspect: Consumer) -> None:
        """Wrap a step.

        Args:
            step: takes a batch.
            inspect: takes the same batch after the step.
        """
        self._step = step
        self._inspect = inspect

    def __call__(self, batch: Any) -> None:
        """Train on a batch and inspect it."""
        self._step(batch)
        self._inspect(batch)
