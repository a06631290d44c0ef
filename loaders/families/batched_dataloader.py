"""A DataLoader that asks its dataset for whole batches, through `__getitems__`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device.resize import resize
from loaders.spec.dataloader_spec import NUM_WORKERS, DataLoaderSpec
from loaders.spec.knobs import knob


class BatchedDataset(Dataset[Batch]):
    """Samples by whole batches: one gather, one conversion and one resize for all of them.

    The DataLoader's fetcher calls `__getitems__` with a batch's indices where a dataset has it.
    """

    def __init__(self, source: ImageSplit, resize: int | None) -> None:
        self.images = source.in_memory().images
        self.labels = source.labels
        self.resize = resize

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> Batch:
        """The batch at `indices`: float32 (B, 1, H, W) in [0, 1] and int64 (B,)."""
        rows = torch.tensor(indices)
        images = self.images[rows].to(torch.float32).div_(255)
        if self.resize is not None:
            images = resize(images, self.resize)
        return images.unsqueeze(1), self.labels[rows]


def as_it_is(batch: Batch) -> Batch:
    """Collates nothing: `__getitems__` has made the batch (a function by name, so that spawn can send it)."""
    return batch


@dataclass(frozen=True)
class BatchedDataLoader(DataLoaderSpec):
    """A DataLoader whose dataset is indexed by whole batches.

    `resize` is bilinear and antialiased like PIL's, without its rounding to uint8. No workers by default:
    sending a finished batch from one process to another takes longer than making it.
    """

    num_workers: int = knob(NUM_WORKERS, 0)

    def typical_samples_per_s(self) -> float:
        """Two cores; through workers every batch crosses a process, which costs more than making it."""
        crossing = 0.0 if self.num_workers == 0 else 1 / 130_000
        resizing = 0.0 if self.resize is None else (self.resize / 64) ** 2 / 100_000
        return 1 / (1 / 1_000_000 + crossing + resizing)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader over the batched dataset."""
        dataset = BatchedDataset(source, self.resize)
        return self.dataloader(dataset, shuffle=shuffle, seed=seed, collate_fn=as_it_is)
