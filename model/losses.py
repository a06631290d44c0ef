"""Loss: a loss that a step can train with, by its value and by its gradient's formula.

One convention holds throughout. Outputs `o` are floating point (B, C), labels are int64 (B,),
and `y` is the label as a one-hot row. A sample's loss sums over its C outputs. `value` is the
mean of the samples' losses. A row of `gradient` is the gradient of one sample's own loss with
respect to its outputs, not divided by B.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from model.softmax_regression import one_hot

ALLOWED_LOSSES = (
    "cross_entropy, squared, absolute, huber, or huber:DELTA with a finite DELTA above 0 such as huber:0.5"
)


class Loss(ABC):
    """A loss with its analytic gradient.

    Attributes:
        default_learning_rate: trains Fashion-MNIST, pixels in [0, 1], without diverging at any batch size.
            Cross-entropy's is that of the tutorials. The others were found on the images, where E[x xᵀ]
            has a largest eigenvalue of 109. Descent on the squared loss is stable below 2 / 109. With one
            sample at a time it still diverges at 0.01, and at 0.005 no longer.
        gradient_is_continuous: whether outputs that differ by a rounding error have gradients that do too.
    """

    default_learning_rate: ClassVar[float]
    gradient_is_continuous: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """Return the text that `parse_loss` turns into this loss."""

    @abstractmethod
    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of the batch, a tensor () that autograd can differentiate."""

    @abstractmethod
    def write_gradient(self, outputs: Tensor, targets: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient and return the sum of the samples' losses, a tensor ().

        Args:
            outputs: (C, B), one row for each class. It is overwritten.
            targets: (C, B), one-hot columns.
            gradient: (C, B), written to.
        """

    def gradient(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the gradient (B, C) of each sample's own loss, and leave `outputs` alone."""
        targets = one_hot(labels, outputs.shape[1], outputs.dtype)
        gradient = torch.empty_like(outputs)
        self.write_gradient(outputs.clone().t(), targets.t(), gradient.t())
        return gradient


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """The loss log(sum(exp(o))) - o[label]. Its gradient is softmax(o) - y (Bridle 1990)."""

    default_learning_rate = 0.1
    name = "cross_entropy"

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, labels)

    def write_gradient(self, outputs: Tensor, targets: Tensor, gradient: Tensor) -> Tensor:
        log_probabilities = torch.log_softmax(outputs, 0, out=gradient)
        total = torch.mul(log_probabilities, targets, out=outputs).sum().neg_()
        log_probabilities.exp_().sub_(targets)
        return total


@dataclass(frozen=True)
class Squared(Loss):
    """The loss ½(y - o)². Its gradient is o - y (least squares, Legendre 1805)."""

    default_learning_rate = 0.005
    name = "squared"

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        targets = one_hot(labels, outputs.shape[1], outputs.dtype)
        return (outputs - targets).square().sum(1).mean() / 2

    def write_gradient(self, outputs: Tensor, targets: Tensor, gradient: Tensor) -> Tensor:
        residual = torch.sub(outputs, targets, out=gradient)
        return torch.mul(residual, residual, out=outputs).sum().div_(2)


@dataclass(frozen=True)
class Absolute(Loss):
    """The loss |y - o|. Its gradient is the sign of o - y, 0 at 0 (least deviations, Boscovich 1757)."""

    default_learning_rate = 0.001
    gradient_is_continuous = False
    name = "absolute"

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        targets = one_hot(labels, outputs.shape[1], outputs.dtype)
        return (outputs - targets).abs().sum(1).mean()

    def write_gradient(self, outputs: Tensor, targets: Tensor, gradient: Tensor) -> Tensor:
        residual = outputs.sub_(targets)
        torch.sign(residual, out=gradient)
        return residual.abs_().sum()


@dataclass(frozen=True)
class Huber(Loss):
    """The loss ½(y - o)² up to |y - o| = delta, and a line beyond (Huber 1964).

    Its gradient is o - y clipped at ±delta.

    Attributes:
        delta: finite and above 0. 1 by default.

    Raises:
        ValueError: the delta is not finite or not above 0.
    """

    delta: float = 1.0

    default_learning_rate = 0.005

    def __post_init__(self) -> None:
        if not 0 < self.delta < math.inf:
            raise ValueError(f"huber's delta is {self.delta}; it must be finite and above 0")

    @property
    def name(self) -> str:
        return "huber" if self.delta == 1 else f"huber:{self.delta}"

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        targets = one_hot(labels, outputs.shape[1], outputs.dtype)
        total = functional.huber_loss(outputs, targets, reduction="sum", delta=self.delta)
        return total / outputs.shape[0]

    def write_gradient(self, outputs: Tensor, targets: Tensor, gradient: Tensor) -> Tensor:
        residual = outputs.sub_(targets)
        torch.clamp(residual, -self.delta, self.delta, out=gradient)
        # With the clipped residual g, both parts of the loss are g * (residual - g / 2).
        return residual.sub_(gradient, alpha=0.5).mul_(gradient).sum()


# Losses by their names; a huber of another delta has one of its own.
LOSSES: dict[str, Loss] = {loss.name: loss for loss in (CrossEntropy(), Squared(), Absolute(), Huber())}


def parse_loss(text: str) -> Loss:
    """Return the loss of a name such as `squared`, or `huber:0.5` for a delta of 0.5.

    Raises:
        ValueError: the text is no such name.
    """
    if text in LOSSES:
        return LOSSES[text]
    family, _, delta = text.partition(":")
    if family == "huber":
        try:
            return Huber(float(delta))
        except ValueError:
            pass
    raise ValueError(f"unknown loss {text!r}; allowed: {ALLOWED_LOSSES}")
