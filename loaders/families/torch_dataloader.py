"""What the tutorials do: FashionMNIST, an optional Resize, ToTensor, and a DataLoader over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torchvision import transforms
from torchvision.datasets import MNIST, FashionMNIST

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.spec.dataloader_spec import DataLoaderSpec


class SourceFashionMNIST(FashionMNIST):  # type: ignore[misc]  # torchvision is not typed
    """torchvision's FashionMNIST over a Source: its own `__getitem__`, but no second read of the files."""

    def __init__(self, source: ImageSplit, transform: Callable[[Any], Any]) -> None:
        # Past MNIST.__init__, which would look for files, to the one that keeps the transform.
        super(MNIST, self).__init__(root="", transform=transform)
        self.data = source.in_memory().images
        self.targets = source.labels


@dataclass(frozen=True)
class TorchDataLoader(DataLoaderSpec):
    """One PIL image, one ToTensor and one collate a sample, as most training scripts have it.

    `resize` goes through PIL (bilinear, antialiased, rounded to uint8), before ToTensor.
    """

    def typical_samples_per_s(self) -> float:
        """Two cores: 30,000 with any number of workers, half of it with a resize to 64."""
        return 30_000 if self.resize is None else 30_000 / (1 + (self.resize / 64) ** 2)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader over torchvision's FashionMNIST."""
        steps: list[Callable[[Any], Any]] = [transforms.ToTensor()]
        if self.resize is not None:
            steps.insert(0, transforms.Resize((self.resize, self.resize)))
        dataset = SourceFashionMNIST(source, transforms.Compose(steps))
        return self.dataloader(dataset, shuffle=shuffle, seed=seed)
