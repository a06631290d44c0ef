"""One training step on one batch, whichever loader made it.

Every step takes images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,), on its own
device. B may differ from batch to batch. A step never waits for the device: the loss is summed
there, and only `mean_loss` reads it.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from model.descent import descent
from model.graphed_step import GraphedStep
from model.learning_step import ImmediateStep
from model.losses import Loss
from model.softmax_regression import SoftmaxRegression

STEPS = ("analytic", "autograd", "none")


class TrainStep(Protocol):
    """What a measurement knows about a step."""

    @property
    def model(self) -> SoftmaxRegression | None:
        """The model in training, None where there is none."""

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        """Train on one batch."""

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`, None where there is none.

        A sample's loss is taken before its own batch moves the model. This waits for the device.
        """

    def reset(self) -> None:
        """Start a new mean, as at the start of an epoch. The model stays as it is."""

    def flush(self) -> None:
        """Launch what was put off, as at the end of an epoch; most steps put off nothing."""


def build_step(
    name: str,
    loss: Loss,
    *,
    pixels: int,
    classes: int,
    learning_rate: float | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
    cuda_graph: bool = False,
    chunk_batches: int = 1,
    static_addresses: bool = True,
) -> TrainStep:
    """Return the step called `name`, one of `STEPS`, with a model of its own drawn from `seed`.

    `pixels` is H * W. Without a `learning_rate` the loss's own default holds. With `cuda_graph` the
    analytic step is replayed as CUDA graphs (GraphedStep says what `together` and `recurring` are). Raises
    ValueError for a name that is not in `STEPS`, for a learning rate that is not finite and above 0, and for
    a graph of another step or on another device.
    """
    if name not in STEPS:
        raise ValueError(f"unknown step {name!r}; allowed: {', '.join(STEPS)}")
    rate = loss.default_learning_rate if learning_rate is None else learning_rate
    if not 0 < rate < math.inf:
        raise ValueError(f"the learning rate is {rate}; it must be finite and above 0")
    if cuda_graph and (name != "analytic" or torch.device(device).type != "cuda"):
        raise ValueError(f"a CUDA graph is of the analytic step on cuda, not of {name} on {device}")
    if name == "none":
        return NullStep()
    model = SoftmaxRegression.initial(pixels=pixels, classes=classes, seed=seed, device=device)
    if cuda_graph:
        return GraphedStep(model, loss, rate, chunk_batches=chunk_batches, static_addresses=static_addresses)
    return (AnalyticStep if name == "analytic" else AutogradStep)(model, loss, rate)


class NullStep:
    """No step: what an epoch takes is then the loader's alone."""

    model = None

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        """Leave the batch alone."""

    def mean_loss(self) -> None:
        """Return None."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


class AutogradStep(ImmediateStep):
    """The step that tutorials write: `nn.Linear`, a loss, `backward` and `torch.optim.SGD`."""

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        # On the meta device nn.Linear draws no random numbers, so those of loaders stay the same.
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
    """Gradient descent by the gradient's formula, without autograd.

    With outputs o = x Wᵀ + b, and G (B, C) the gradients of the samples' losses with respect to
    them, the mean loss has the gradients Gᵀ x / B for W and Gᵀ 1 / B for b (the chain rule; for
    cross-entropy see d2l.ai, section 4.1).
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        super().__init__(model, descent(model, loss, learning_rate))
