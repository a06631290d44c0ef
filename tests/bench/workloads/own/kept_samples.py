"""A user's dataset whose samples can be kept, unless they are augmented."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

SAMPLES = 300


class Waves(Dataset):
    """Samples that are always the same, unless `kind` says otherwise."""

    def __init__(self, kind: str = "plain") -> None:
        self.kind = kind
        # In whichever process it is asked, it asks for its file.
        Path(__file__).read_bytes()

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict[str, object]:
        if self.kind == "late" and index == 250:
            raise ValueError("sample 250 is broken")
        if self.kind == "hangs" and index == 251:
            time.sleep(60)
        extra = torch.rand(()) if self.kind == "augmented" else 0
        return {"wave": torch.arange(6.0).sin() * index + extra, "label": index}


def make_loader(kind: str = "plain", batch_size: int = 16) -> DataLoader:
    """Return a shuffled loader."""
    return DataLoader(Waves(kind), batch_size=batch_size, shuffle=True)
