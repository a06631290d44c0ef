"""TrainStep: one training step on one batch, whichever loader made it.

Every step takes a pair of images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,), on its own
device. B may differ from batch to batch. A step never waits for the device: the loss is summed
there, and only `mean_loss` reads it.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from model.batch import Batch
from model.descent import make_descent
from model.graphed_step import GraphedStep
from model.learning_step import ImmediateStep
from model.losses import Loss
from model.softmax_regression import SoftmaxRegression
from model.step_spec import StepSpec


class TrainStep(Protocol):
    """The part of a step that a measurement uses."""

    @property
    def model(self) -> SoftmaxRegression | None:
        """Return the model in training; None for a step that trains nothing."""

    def __call__(self, batch: Batch) -> None:
        """Train on one batch."""

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`; None before the first batch or without a model.

        A sample's loss is taken before its own batch moves the model. This waits for the device.
        """

    def reset(self) -> None:
        """Start a new mean, as at the start of an epoch, and keep the model."""

    def flush(self) -> None:
        """Launch the batches that were put off, as at the end of an epoch. Most steps put off none."""


def build_step(
    spec: StepSpec, *, pixels: int, classes: int, device: torch.device | str = "cpu", seed: int = 0
) -> TrainStep:
    """Return the step of a spec, with a model of its own.

    torch's default device, its default dtype and its inference mode don't change the step.

    Args:
        spec: the step, its loss and its learning rate.
        pixels: H * W of the images.
        classes: number of classes.
        device: holds the batches and the model. The CPU by default.
        seed: decides the model's initial weight. 0 by default.

    Raises:
        ValueError: the spec asks for CUDA graphs, and the device is no CUDA device.
    """
    if spec.graph and torch.device(device).type != "cuda":
        raise ValueError(f"a CUDA graph needs the device cuda; the device is {device}")
    if spec.name == "none":
        return NullStep()
    # A tensor made in inference mode couldn't be updated outside of it.
    with torch.inference_mode(mode=False):
        model = SoftmaxRegression.initial(pixels=pixels, classes=classes, seed=seed, device=device)
        if spec.graph:
            return GraphedStep(model, spec.loss, spec.rate, spec.graph)
        return (AnalyticStep if spec.name == "analytic" else AutogradStep)(model, spec.loss, spec.rate)


class NullStep:
    """A step that does nothing, so that an epoch takes the loader's time alone."""

    model = None

    def __call__(self, batch: Batch) -> None:
        """Do nothing."""

    def mean_loss(self) -> None:
        """Return None."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


class AutogradStep(ImmediateStep):
    """The step of the tutorials: `nn.Linear`, a loss, `backward` and `torch.optim.SGD`."""

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        # On the meta device nn.Linear draws no random numbers, so loaders shuffle as they would without it.
        linear = nn.Linear(model.weight.shape[1], model.weight.shape[0], device="meta")
        linear.weight = nn.Parameter(model.weight)
        linear.bias = nn.Parameter(model.bias)
        optimizer = torch.optim.SGD(linear.parameters(), lr=learning_rate)

        def descend(images: Tensor, labels: Tensor) -> Tensor:
            mean = loss.value(linear(images.flatten(1)), labels)
            optimizer.zero_grad()
            mean.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return mean.detach() * labels.shape[0]

        super().__init__(model, descend)


class AnalyticStep(ImmediateStep):
    """A step of gradient descent by the gradient's formula, without autograd.

    With outputs o = x Wᵀ + b, and G (B, C) the gradients of the samples' losses with respect to
    them, the mean loss has the gradients Gᵀ x / B for W and Gᵀ 1 / B for b (the chain rule; for
    cross-entropy see d2l.ai, section 4.1).
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        super().__init__(model, make_descent(model, loss, learning_rate))
