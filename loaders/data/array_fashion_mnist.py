"""ArrayFashionMNIST: torchvision's FashionMNIST over pictures that have been read already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchvision.datasets import MNIST, FashionMNIST

from loaders.data.image_split import ImageSplit


class ArrayFashionMNIST(FashionMNIST):  # type: ignore[misc]  # torchvision is not typed
    """torchvision's FashionMNIST with its own `__getitem__`.

    Args:
        source: the pictures and labels.
        transform: makes a sample of a PIL image.
    """

    def __init__(self, source: ImageSplit, transform: Callable[[Any], Any]) -> None:
        # Skips MNIST.__init__, which would look for files.
        super(MNIST, self).__init__(root="", transform=transform)
        self.data = source.in_memory().images
        self.targets = source.labels
