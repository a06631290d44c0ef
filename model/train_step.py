"""One training step on one batch, whichever loader made it.

Every step takes images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,), on its own
device. B may differ from batch to batch. A step never waits for the device: the loss is summed
there, and only `mean_loss` reads it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from model.losses import Loss
from model.softmax_regression import SoftmaxRegression

STEPS = ("closed_form", "autograd", "none")

# An epoch has two batch sizes, the last batch's being the second; a loader may also vary them freely.
BATCH_SIZES_KEPT = 8


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


def build_step(
    name: str,
    loss: Loss,
    *,
    pixels: int,
    classes: int,
    learning_rate: float | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> TrainStep:
    """Return the step called `name`, one of `STEPS`, with a model of its own drawn from `seed`.

    `pixels` is H * W. Without a `learning_rate` the loss's own default holds. Raises ValueError
    for a name that is not in `STEPS` and for a learning rate that is not finite and above 0.
    """
    if name not in STEPS:
        raise ValueError(f"unknown step {name!r}; allowed: {', '.join(STEPS)}")
    rate = loss.default_learning_rate if learning_rate is None else learning_rate
    if not 0 < rate < math.inf:
        raise ValueError(f"the learning rate is {rate}; it must be finite and above 0")
    if name == "none":
        return NullStep()
    model = SoftmaxRegression.initial(pixels=pixels, classes=classes, seed=seed, device=device)
    return (ClosedFormStep if name == "closed_form" else AutogradStep)(model, loss, rate)


class NullStep:
    """No step: what an epoch takes is then the loader's alone."""

    model = None

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        """Leave the batch alone."""

    def mean_loss(self) -> None:
        """Return None."""

    def reset(self) -> None:
        """Do nothing."""


class _LearningStep:
    """Moves a model batch by batch and keeps the mean loss.

    `descend` moves the model by one batch, on the device alone, and returns the sum of the
    losses that the batch's samples had before, a tensor ().
    """

    def __init__(self, model: SoftmaxRegression, descend: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.model = model
        self._descend = descend
        # In float32 the sum would lose digits over the thousands of batches of a large dataset.
        self._total_loss = torch.zeros((), dtype=torch.float64, device=model.bias.device)
        self._samples = 0

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        self._total_loss.add_(self._descend(images, labels))
        self._samples += labels.shape[0]

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`; this waits for the device."""
        return self._total_loss.item() / self._samples if self._samples else None

    def reset(self) -> None:
        """Start a new mean; the model stays as it is."""
        self._total_loss.zero_()
        self._samples = 0


class AutogradStep(_LearningStep):
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


class ClosedFormStep(_LearningStep):
    """Gradient descent by the gradient's formula, without autograd.

    With outputs o = x Wᵀ + b, and G (B, C) the gradients of the samples' losses with respect to
    them, the mean loss has the gradients Gᵀ x / B for W and Gᵀ 1 / B for b (the chain rule; for
    cross-entropy see d2l.ai, section 4.1).

    The fast way sums in another order than autograd, so the two differ by rounding. A gradient
    that jumps turns a rounding error into a whole step: such a loss goes autograd's own way.
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        way = _DescentByClass if loss.gradient_is_continuous else _DescentAsAutograd
        super().__init__(model, way(model, loss, learning_rate))


class _DescentByClass:
    """Holds outputs class by class, (C, B), which is faster than sample by sample.

    W xᵀ takes two thirds of the time of x Wᵀ, and softmax over the first dimension a tenth of
    the time of softmax over a last one of ten.
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        classes, device = model.bias.shape[0], model.bias.device
        slices = _pixel_slices(model)
        self._products = _Products(model) if slices == 1 else _SlicedProducts(model, slices)
        self._bias = model.bias
        self._identity = torch.eye(classes, device=device)
        self._loss = loss
        self._learning_rate = learning_rate

        @functools.lru_cache(BATCH_SIZES_KEPT)
        def buffers(batch_size: int) -> tuple[Tensor, ...]:
            ones = torch.ones(batch_size, device=device)
            return *torch.empty(3, classes, batch_size, device=device).unbind(), ones

        self._buffers = buffers

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        batch_size = labels.shape[0]
        rate = -self._learning_rate / batch_size
        outputs, targets, gradient, ones = self._buffers(batch_size)
        pixels = images.flatten(1)
        self._products.write_outputs(pixels, outputs)
        torch.index_select(self._identity, 1, labels, out=targets)
        total = self._loss.write_gradient(outputs, targets, gradient)
        self._products.move_weight(gradient, pixels, rate)
        self._bias.addmv_(gradient, ones, alpha=rate)
        return total


class _Products:
    """The two matrix products of a step, on pixels (B, P), outputs and gradient (C, B)."""

    def __init__(self, model: SoftmaxRegression) -> None:
        self._weight = model.weight
        self._bias_column = model.bias.unsqueeze(1)
        self._weight_gradient = torch.empty_like(model.weight)

    def write_outputs(self, pixels: Tensor, outputs: Tensor) -> None:
        torch.addmm(self._bias_column, self._weight, pixels.t(), out=outputs)

    def move_weight(self, gradient: Tensor, pixels: Tensor, rate: float) -> None:
        # weight.addmm_ is one operation less, but drifts from autograd ten times as fast or more.
        torch.mm(gradient, pixels, out=self._weight_gradient)
        self._weight.add_(self._weight_gradient, alpha=rate)


class _SlicedProducts(_Products):
    """The same, with the pixels cut into slices that one batched product runs side by side.

    BLAS makes little of a second thread where a product has ten rows.
    """

    def __init__(self, model: SoftmaxRegression, slices: int) -> None:
        super().__init__(model)
        self._slices = slices
        self._weight = model.weight.view(model.weight.shape[0], slices, -1).transpose(0, 1)
        self._weight_gradient = model.weight.new_empty(self._weight.shape)

    def write_outputs(self, pixels: Tensor, outputs: Tensor) -> None:
        slices = pixels.view(pixels.shape[0], self._slices, -1).permute(1, 2, 0)
        torch.sum(torch.bmm(self._weight, slices), 0, out=outputs).add_(self._bias_column)

    def move_weight(self, gradient: Tensor, pixels: Tensor, rate: float) -> None:
        slices = pixels.view(pixels.shape[0], self._slices, -1).transpose(0, 1)
        gradients = gradient.expand(self._slices, -1, -1)
        torch.bmm(gradients, slices, out=self._weight_gradient)
        self._weight.add_(self._weight_gradient, alpha=rate)


def _pixel_slices(model: SoftmaxRegression) -> int:
    """Return how many slices to cut the pixels into: one for each thread, where that divides them.

    Eight at most, as each slice adds its own outputs to the sum: on two threads 16 take 9% longer.
    """
    threads = torch.get_num_threads() if model.weight.device.type == "cpu" else 1
    return max(n for n in range(1, min(threads, 8) + 1) if model.weight.shape[1] % n == 0)


class _DescentAsAutograd:
    """Runs autograd's operations in autograd's order and layout, and so gets its very bits."""

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        classes, device = model.bias.shape[0], model.bias.device
        self._weight, self._bias = model.weight, model.bias
        self._identity = torch.eye(classes, device=device)
        self._loss = loss
        self._learning_rate = learning_rate

        @functools.lru_cache(BATCH_SIZES_KEPT)
        def buffers(batch_size: int) -> tuple[Tensor, ...]:
            return torch.empty(3, batch_size, classes, device=device).unbind()

        self._buffers = buffers

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        batch_size = labels.shape[0]
        outputs, targets, gradient = self._buffers(batch_size)
        pixels = images.flatten(1)
        torch.addmm(self._bias, pixels, self._weight.t(), out=outputs)
        torch.index_select(self._identity, 0, labels, out=targets)
        total = self._loss.write_gradient(outputs.t(), targets.t(), gradient.t())
        gradient.div_(batch_size)
        self._weight.add_(gradient.t().mm(pixels), alpha=-self._learning_rate)
        self._bias.add_(gradient.sum(0), alpha=-self._learning_rate)
        return total
