"""Data of the scripts: pictures of noise."""

import torch
from torch.utils.data import Dataset


class Points(Dataset):
    """Random points, the same each time."""

    def __init__(self, count: int) -> None:
        self.points = torch.rand(count, 8, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int):
        return self.points[index], index % 4
