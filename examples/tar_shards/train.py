"""Train on tones out of tar files, read one after another by an iterable dataset."""

from __future__ import annotations

import io
import random
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from make_shards import PITCHES_HZ, find_shards
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Batch = tuple[Tensor, Tensor]


class Tones(IterableDataset[tuple[Tensor, int]]):
    """The tones of some shards as spectrograms, one shard after another."""

    def __init__(self, shards: list[Path], *, split: bool) -> None:
        """Keep the paths.

        Args:
            shards: paths of the tar files.
            split: whether each worker reads shards of its own. Without, every worker reads all of them.
        """
        self.shards = shards
        self.split = split

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        shards = list(self.shards)
        worker = get_worker_info()
        if self.split and worker is not None:
            shards = shards[worker.id :: worker.num_workers]
        random.shuffle(shards)
        for shard in shards:
            yield from read_shard(shard)


def read_shard(path: Path) -> Iterator[tuple[Tensor, int]]:
    """Yield the spectrogram, float32 (129, 121), and the class of each tone of a shard."""
    window = np.hanning(256).astype(np.float32)
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            wave = np.load(io.BytesIO(file.read())) / np.float32(2**15)
            parts = np.lib.stride_tricks.sliding_window_view(wave, 256)[::16]
            loudness = np.log(np.abs(np.fft.rfft(parts * window)) + 1e-6).astype(np.float32)
            # The mean of four neighbours has less noise.
            spectrogram = loudness[: len(loudness) // 4 * 4].reshape(-1, 4, 129).mean(axis=1)
            yield torch.from_numpy(spectrogram.T), int(member.name.split(".")[1])


def train_loader(
    tones: int = 800, split: bool = True, root: str | None = None, num_workers: int = 0
) -> DataLoader[Batch]:
    """Return the loader of batches: float32 (B, 129, 121), and int64 (B,).

    Args:
        tones: number of tones in all shards.
        split: whether each worker reads shards of its own.
        root: folder that the shards' folder is made in; default None, that for temporary files.
        num_workers: worker processes.
    """
    shards = find_shards(Path(root or tempfile.gettempdir()), tones)
    dataset = Tones(shards, split=split)
    return DataLoader(dataset, batch_size=20, num_workers=num_workers)


def unsplit_loader(tones: int = 800, root: str | None = None) -> DataLoader[Batch]:
    """Return the same loader with a usual mistake: its workers don't share the shards among them."""
    return train_loader(tones, split=False, root=root)


def make_step(device: str = "cpu") -> Callable[[Batch], None]:
    """Return a function that trains on one batch.

    Args:
        device: `cpu` or `cuda`.
    """
    model = nn.Sequential(
        nn.Conv1d(129, 16, 5, stride=5), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(16, len(PITCHES_HZ)),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(batch: Batch) -> None:
        spectrograms, labels = batch
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(spectrograms), labels).backward()
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
