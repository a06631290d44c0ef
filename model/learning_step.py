"""LearningStep: the common part of the steps that train a model."""

from __future__ import annotations

import torch

from model.batch import Batch
from model.descent import Descent
from model.softmax_regression import SoftmaxRegression


class LearningStep:
    """A step with a model and a mean loss."""

    def __init__(self, model: SoftmaxRegression) -> None:
        self.model = model
        # In float32 the sum would lose digits over the thousands of batches of a large dataset.
        self._total_loss = torch.zeros((), dtype=torch.float64, device=model.bias.device)
        self._samples = 0

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`; this waits for the device."""
        return self._total_loss.item() / self._samples if self._samples else None

    def reset(self) -> None:
        """Start a new mean and keep the model."""
        self._total_loss.zero_()
        self._samples = 0


class ImmediateStep(LearningStep):
    """A step that moves the model at each call.

    Args:
        model: the model to train.
        descend: moves the model by one batch, and returns the sum of the losses that the batch's samples
            had before, a tensor (). It doesn't wait for the device.
    """

    def __init__(self, model: SoftmaxRegression, descend: Descent) -> None:
        super().__init__(model)
        self._descend = descend

    def __call__(self, batch: Batch) -> None:
        """Train on one batch."""
        images, labels = batch
        self._total_loss.add_(self._descend(images, labels))
        self._samples += labels.shape[0]

    def flush(self) -> None:
        """Do nothing, as no batch is put off."""
