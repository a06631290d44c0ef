"""A DataLoader that requests whole batches of its dataset, through `__getitems__`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device.resize import resize
from loaders.spec.dataloader_spec import NUM_WORKERS, DataLoaderSpec, return_batch
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import knob
from loaders.spec.loader_spec import DATA_COMMENT


@dataclass(eq=False)
class BatchedDataset(Dataset[Batch]):
    """Dataset that makes whole batches: one gather, one conversion and one resize for all samples.

    A DataLoader calls `__getitems__` with the indices of a batch if the dataset has it. Its `collate_fn` must
    return the batch unchanged.

    Attributes:
        images: uint8 (N, H, W).
        labels: int64 (N,).
        resize: side in pixels that pictures are resized to; default None keeps their size.
    """

    images: torch.Tensor
    labels: torch.Tensor
    resize: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the batch of these samples: float32 (B, 1, H, W) in [0, 1] and int64 (B,)."""
        rows = torch.tensor(indices, dtype=torch.int64, device="cpu")
        images = self.images[rows].to(torch.float32).div_(255)
        if self.resize is not None:
            images = resize(images, self.resize)
        return images.unsqueeze(1), self.labels[rows]


@dataclass(frozen=True)
class BatchedDataLoader(DataLoaderSpec):
    """A DataLoader whose dataset makes whole batches.

    `resize` is bilinear and antialiased like PIL's, without rounding to uint8. The default is no workers,
    since sending a batch to another process takes longer than making it.
    """

    num_workers: int = knob(NUM_WORKERS, 0)

    def typical_samples_per_s(self) -> float:
        """Return about how many samples a second this loader delivers on two cores."""
        # Every batch of a worker crosses to another process.
        crossing = 0.0 if self.num_workers == 0 else 1 / 130_000
        resizing = 0.0 if self.resize is None else (self.resize / 64) ** 2 / 100_000
        return 1 / (1 / 1_000_000 + crossing + resizing)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a DataLoader over a BatchedDataset."""
        dataset = BatchedDataset(source.in_memory().images, source.labels, self.resize)
        return self.make_dataloader(dataset, shuffle=shuffle, seed=seed, collate_fn=return_batch)

    def loader_code(self) -> ExampleCode:
        """Return the code of a DataLoader over a BatchedDataset of pictures in memory."""
        code = ExampleCode(
            "from loaders.families.batched_dataloader import BatchedDataset",
            "from loaders.spec.dataloader_spec import return_batch",
        )
        code.lines.append(DATA_COMMENT)
        side = {} if self.resize is None else {"resize": self.resize}
        code.assign("dataset", "BatchedDataset", "images", "labels", keywords=side)
        self.add_dataloader(code, "dataset", collate_fn="return_batch")
        return code
