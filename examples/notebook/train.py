"""A loader as a notebook would define it, in a file of its own: worker processes import it from there."""

import torch
from torch.utils.data import DataLoader, Dataset

SAMPLES, FEATURES = 1024, 256


class Signals(Dataset):
    """Noisy waves, each made when it is asked for."""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        wave = torch.sin(torch.arange(FEATURES) * (1 + index % 10) / 40)
        return wave + 0.1 * torch.randn(FEATURES), index % 10


def train_loader() -> DataLoader:
    return DataLoader(Signals(), batch_size=32, shuffle=True)
