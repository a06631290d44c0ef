"""SoftmaxRegression: one linear map from pixels to class outputs, trained to favour the label.

The method is section 4.4 of Zhang et al., Dive into Deep Learning (https://d2l.ai).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

INITIAL_STD = 0.01


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """The parameters of the model. A train step updates both in place.

    Attributes:
        weight: float32 (classes, pixels).
        bias: float32 (classes,).
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def initial(
        cls, *, pixels: int, classes: int, seed: int, device: torch.device | str = "cpu"
    ) -> SoftmaxRegression:
        """Draw the weight from normal(0, 0.01) and set the bias to zero.

        The draw is made on the CPU, so that a seed gives the same weight on every device. It takes a
        generator of its own, as loaders shuffle with the global one.

        Args:
            pixels: H * W of the images.
            classes: number of classes.
            seed: of the draw.
            device: holds the parameters. The CPU by default.
        """
        generator = torch.Generator("cpu").manual_seed(seed)
        weight = torch.empty(classes, pixels, dtype=torch.float32, device="cpu")
        weight.normal_(0, INITIAL_STD, generator=generator)
        return cls(weight.to(device), torch.zeros(classes, dtype=torch.float32, device=device))

    def outputs(self, images: Tensor) -> Tensor:
        """Return the outputs (B, classes) before softmax for images (B, 1, H, W), float32."""
        return torch.addmm(self.bias, images.flatten(1), self.weight.t())

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the class probabilities (B, classes) of images (B, 1, H, W)."""
        return softmax(self.outputs(images))

    def predict(self, images: Tensor) -> Tensor:
        """Return the class with the largest output, int64 (B,), for images (B, 1, H, W)."""
        return self.outputs(images).argmax(dim=1)


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a matrix (B, classes) with 1 in the label's column and 0 elsewhere, for int64 labels (B,).

    Raises:
        IndexError: A label is outside [0, classes). On a GPU this isn't noticed.
    """
    # Rows of the identity take half the time of torch.nn.functional.one_hot and a cast.
    return torch.eye(classes, dtype=dtype, device=labels.device).index_select(0, labels)


def softmax(outputs: Tensor) -> Tensor:
    """Return exp(o) / sum(exp(o)) of each row of (B, classes), without overflow for large o.

    torch subtracts each row's maximum first, which doesn't change the quotient.
    """
    return torch.softmax(outputs, dim=1)


def batch_accuracy(model: SoftmaxRegression, images: Tensor, labels: Tensor) -> float:
    """Return the share of correct predictions in one batch, images (B, 1, H, W) and int64 labels (B,).

    Raises:
        ValueError: the batch has no samples.
    """
    return accuracy(model, [(images, labels)])


def accuracy(model: SoftmaxRegression, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the share of correct predictions over all samples in `batches`.

    Every sample counts alike, so a short last batch weighs less. The result is read from the
    device once, at the end.

    Raises:
        ValueError: the batches have no samples.
    """
    correct = torch.zeros((), dtype=torch.int64, device=model.weight.device)
    samples = 0
    for images, labels in batches:
        correct += (model.predict(images) == labels).sum()
        samples += labels.shape[0]
    if samples == 0:
        raise ValueError("accuracy needs at least one sample; the batches given hold none")
    return correct.item() / samples
