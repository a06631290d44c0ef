"""NumberedImageFolder: torchvision's ImageFolder in the order of the files' numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torchvision.datasets import ImageFolder


class NumberedImageFolder(ImageFolder):  # type: ignore[misc]  # torchvision is not typed
    """torchvision's ImageFolder in the order of the file names' numbers, with the folder names' labels.

    Args:
        root: the folder with the class folders.
        loader: reads a file.
        transform: makes a sample of the loader's result.
    """

    def __init__(self, root: Path, loader: Callable[[str], Any], transform: Callable[[Any], Any]) -> None:
        super().__init__(str(root), loader=loader, transform=transform)
        self.samples.sort(key=sample_number)
        self.targets = [label for _, label in self.samples]

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Return the class folders and the label of each: its number, since classes can be empty."""
        names, _ = super().find_classes(directory)
        return names, {name: int(name.partition("-")[0]) for name in names}


def sample_number(sample: tuple[str, int]) -> int:
    """Return the number in the file name of an ImageFolder's sample, (path, label)."""
    return int(os.path.splitext(os.path.basename(sample[0]))[0])  # noqa: PTH119, PTH122  # a Path is slow to make
