"""Train a convolutional network on RGB pictures that lie in memory, on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from loaders.device.pipeline import to_device

CLASSES = ("brick", "cloud", "grass", "sand")
# Pixels that a crop may move in each direction.
MARGIN = 8


class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures of random texture, cropped and flipped at random: float32 (3, size, size), and a class."""

    def __init__(self, count: int, size: int) -> None:
        """Draw the pictures. The same ones come each time.

        Args:
            count: number of pictures.
            size: side of a picture in pixels after cropping.
        """
        random = np.random.default_rng(0)
        self.size = size
        self.labels = np.arange(count) % len(CLASSES)
        side = size + MARGIN
        pictures = np.empty((count, 3, side, side), np.uint8)
        for label in range(len(CLASSES)):
            grain = 2**label
            cells = -(-side // grain)
            many = int(np.sum(self.labels == label))
            coarse = random.integers(256, size=(many, 3, cells, cells), dtype=np.uint8)
            pictures[self.labels == label] = coarse.repeat(grain, 2).repeat(grain, 3)[..., :side, :side]
        self.pictures = torch.from_numpy(pictures)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        top, left = torch.randint(MARGIN + 1, (2,)).tolist()
        picture = self.pictures[index, :, top : top + self.size, left : left + self.size]
        if torch.rand(()) < 0.5:
            picture = picture.flip(2)
        return picture.to(torch.float32) / 255, int(self.labels[index])


def train_loader(
    pictures: int = 8_192,
    size: int = 64,
    batch_size: int = 256,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the loader of training batches: float32 (B, 3, size, size), and int64 (B,).

    Args:
        pictures: number of pictures.
        size: side of a picture in pixels.
        batch_size: samples in a batch.
        num_workers: worker processes.
        pin_memory: whether batches lie in page-locked memory.
    """
    return DataLoader(
        Pictures(pictures, size),
        batch_size=batch_size,
        shuffle=True,
        num_workers=num_workers,
        pin_memory=pin_memory,
        persistent_workers=num_workers > 0,
    )


def device_loader(prefetch: bool = False, **arguments: Any) -> Iterable[tuple[Tensor, Tensor]]:
    """Return a loader of the same batches whose batches lie on the GPU, or in memory where there is none.

    Args:
        prefetch: whether batch n+1 is copied while the network works on batch n. Batch n is then valid until
            batch n+2 is requested.
        arguments: those of `train_loader`.
    """
    loader = train_loader(**arguments)
    if not torch.cuda.is_available():
        return loader
    return to_device(loader, "cuda", "prefetch" if prefetch else "non_blocking")


def make_step(device: str = "cpu") -> Callable[[tuple[Tensor, Tensor]], None]:
    """Return a function that trains on one batch.

    Args:
        device: `cpu` or `cuda`.
    """
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 128, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, len(CLASSES)),
    ).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(batch: tuple[Tensor, Tensor]) -> None:
        images, labels = batch
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def main() -> None:
    """Train for two epochs."""
    loader = device_loader(prefetch=True, pin_memory=torch.cuda.is_available())
    step = make_step("cuda" if torch.cuda.is_available() else "cpu")
    for _ in range(2):
        for batch in loader:
            step(batch)


if __name__ == "__main__":
    main()
