"""InspectedStep: a step after which each batch is inspected."""

from __future__ import annotations

import torch

from bench.trial.measure import Consumer


class InspectedStep:
    """A step after which each batch is inspected as the step got it."""

    def __init__(self, step: Consumer, inspect: Consumer) -> None:
        """Wrap a step.

        Args:
            step: takes a batch's images and labels.
            inspect: takes the same after the step.
        """
        self._step = step
        self._inspect = inspect

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Train on a batch and inspect it."""
        self._step(images, labels)
        self._inspect(images, labels)
