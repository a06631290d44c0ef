"""Train a small convolutional network on a folder of JPEG pictures, with random augmentation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from make_pictures import CLASSES, find_pictures
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder


def train_loader(
    pictures: int = 400, size: int = 96, root: str | None = None, num_workers: int = 0
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the loader of training batches: float32 (B, 3, size, size), and int64 (B,).

    Args:
        pictures: number of pictures in the folder.
        size: side of a picture in pixels after augmentation.
        root: folder that the pictures' folder is made in; default None, that for temporary files.
        num_workers: worker processes.
    """
    augment = transforms.Compose(
        [
            transforms.RandomResizedCrop(size),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        ]
    )
    folder = find_pictures(Path(root or tempfile.gettempdir()), pictures)
    dataset = ImageFolder(str(folder), augment)
    return DataLoader(dataset, batch_size=32, shuffle=True, num_workers=num_workers)


def make_step(device: str = "cpu") -> Callable[[tuple[Tensor, Tensor]], None]:
    """Return a function that trains on one batch.

    Args:
        device: `cpu` or `cuda`.
    """
    model = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=4),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, len(CLASSES)),
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
    loader, step = train_loader(), make_step()
    for _ in range(2):
        for batch in loader:
            step(batch)


if __name__ == "__main__":
    main()
