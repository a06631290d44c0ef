"""An epoch out of the ring beside the copy of the dataset's bytes: the limit of reading each byte once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from statistics import median, quantiles

import numpy as np
import pytest
import torch

from loaders.families.tensor_slice import TensorSlice
from loaders.native import native
from loaders.source import Source

SAMPLES, TURNS = 60_000, 40


def timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def count(loader: Iterable) -> int:
    return sum(len(labels) for _, labels in loader)


@pytest.mark.benchmark(group="an epoch of 60,000 pictures")
def test_a_shuffled_epoch_beside_a_copy(capsys) -> None:
    """In turn, in one process: one thread's memcpy of the 47 MB, and epochs by 0, 1 and 2 more threads."""
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 28, 28), np.uint8)
    labels = torch.arange(SAMPLES) % 10
    source = Source("random", "0" * 64, torch.from_numpy(images), labels, tuple("abcdefghij"))
    copy = np.empty_like(images)
    loaders = {
        (threads, batch_size): TensorSlice(batch_size=batch_size, threads=threads).build(
            source, shuffle=True, seed=0
        )
        for batch_size in (32, 256, 1024, 4096, 8192)
        for threads in (0, 1, 2)
    }
    copies, epochs = [], {key: [] for key in loaders}
    for loader in loaders.values():
        assert count(loader) == SAMPLES
    for _ in range(TURNS):
        for key, loader in loaders.items():
            copies.append(timed_ms(lambda: np.copyto(copy, images)))
            epochs[key].append((timed_ms(lambda loader=loader: count(loader)), copies[-1]))
    with capsys.disabled():
        print(
            f"\ngathered by {native().problem or 'ring.c'}; one thread copies {images.nbytes / 1e6:.0f} MB in"
        )
        print(f"  {median(copies):.2f} ms (median of {len(copies)})")
        for (threads, batch_size), pairs in epochs.items():
            low, middle, high = quantiles([epoch / one for epoch, one in pairs], n=4)
            print(
                f"  batch {batch_size:5}, {threads} threads beside: {median(e for e, _ in pairs):6.2f} ms, "
                f"{middle:.2f} times the copy before it (quartiles {low:.2f} to {high:.2f})"
            )
