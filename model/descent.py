"""Descent: moves the model by one batch along the gradient's formula, without autograd."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from model.losses import Loss
from model.softmax_regression import SoftmaxRegression

# Most epochs have two batch sizes, as the last batch is smaller. A loader may vary them freely.
BATCH_SIZES_KEPT = 8

# Takes images and labels, moves the model by them, and returns the sum of the losses that the samples had
# before, a tensor (). It doesn't wait for the device.
Descent = Callable[[Tensor, Tensor], Tensor]


def make_descent(model: SoftmaxRegression, loss: Loss, learning_rate: float) -> Descent:
    """Return the fastest descent that trains the model as autograd does.

    The fast one sums in another order than autograd, so the two differ by rounding. A gradient
    that jumps turns a rounding error into a whole step. Such a loss gets autograd's own operations.
    """
    kind = _DescentByClass if loss.gradient_is_continuous else _DescentAsAutograd
    return kind(model, loss, learning_rate)


class _DescentByClass:
    """A descent with outputs (C, B), one row for each class, which is faster than one for each sample.

    W xᵀ takes two thirds of the time of x Wᵀ. Softmax over the first dimension takes a tenth of
    the time of softmax over a last dimension of ten.
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        classes = model.bias.shape[0]
        self._weight, self._bias = model.weight, model.bias
        self._bias_column = model.bias.unsqueeze(1)
        self._weight_gradient = torch.empty_like(model.weight)
        self._identity = torch.eye(classes, dtype=model.bias.dtype, device=model.bias.device)
        self._loss = loss
        self._learning_rate = learning_rate

        @functools.lru_cache(BATCH_SIZES_KEPT)
        def buffers(batch_size: int) -> tuple[Tensor, ...]:
            # A buffer made in inference mode couldn't be written to outside of it.
            with torch.inference_mode(mode=False):
                ones = model.bias.new_ones(batch_size)
                return *model.bias.new_empty(3, classes, batch_size).unbind(), ones

        self._buffers = buffers

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        batch_size = labels.shape[0]
        rate = -self._learning_rate / batch_size
        outputs, targets, gradient, ones = self._buffers(batch_size)
        pixels = images.flatten(1)
        torch.addmm(self._bias_column, self._weight, pixels.t(), out=outputs)
        torch.index_select(self._identity, 1, labels, out=targets)
        total = self._loss.write_gradient(outputs, targets, gradient)
        # weight.addmm_ is one operation less, but drifts from autograd ten times as fast or more.
        torch.mm(gradient, pixels, out=self._weight_gradient)
        self._weight.add_(self._weight_gradient, alpha=rate)
        self._bias.addmv_(gradient, ones, alpha=rate)
        return total


class _DescentAsAutograd:
    """A descent by autograd's operations in autograd's order and layout, which leaves the same bits."""

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        classes = model.bias.shape[0]
        self._weight, self._bias = model.weight, model.bias
        self._identity = torch.eye(classes, dtype=model.bias.dtype, device=model.bias.device)
        self._loss = loss
        self._learning_rate = learning_rate

        @functools.lru_cache(BATCH_SIZES_KEPT)
        def buffers(batch_size: int) -> tuple[Tensor, ...]:
            with torch.inference_mode(mode=False):
                return model.bias.new_empty(3, batch_size, classes).unbind()

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
