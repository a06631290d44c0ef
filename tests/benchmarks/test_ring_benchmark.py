"""Benchmarks of an epoch out of the ring beside one copy of the dataset's bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from statistics import median, quantiles

import numpy as np
import pytest
import torch

from loaders.data.image_split import ImageSplit
from loaders.data.mapped_file import MappedFile
from loaders.data.rows import Rows
from loaders.families.tensor_slice import TensorSlice
from loaders.native import native
from loaders.ring.ring_loader import RingLoader
from tests.benchmarks.turn_order import order_turn

SAMPLES, TURNS = 60_000, 40


def measure_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def count_samples(loader: Iterable) -> int:
    return sum(len(labels) for _, labels in loader)


@pytest.mark.benchmark(group="an epoch of 60,000 pictures")
def test_a_shuffled_epoch_beside_a_copy(capsys, turns) -> None:
    """Time in turn one thread's memcpy of the 47 MB, and epochs with 0, 1 and 2 loader threads."""
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 28, 28), np.uint8)
    labels = torch.arange(SAMPLES) % 10
    source = ImageSplit("random", "0" * 64, torch.from_numpy(images), labels, tuple("abcdefghij"))
    copy = np.empty_like(images)
    loaders = {
        (threads, batch_size): TensorSlice(batch_size=batch_size, loader_threads=threads).build(
            source, shuffle=True, seed=0
        )
        for batch_size in (32, 256, 1024, 4096, 8192)
        for threads in (0, 1, 2)
    }
    copies, epochs = [], {key: [] for key in loaders}
    for loader in loaders.values():
        assert count_samples(loader) == SAMPLES
    for turn in range(turns):
        for key, loader in order_turn(loaders.items(), turn):
            copies.append(measure_ms(lambda: np.copyto(copy, images)))
            epochs[key].append((measure_ms(lambda loader=loader: count_samples(loader)), copies[-1]))
    with capsys.disabled():
        print(
            f"\ngathered by {native().problem or 'ring.c'}; one thread copies {images.nbytes / 1e6:.0f} MB in"
        )
        print(f"  {median(copies):.2f} ms (median of {len(copies)})")
        for (threads, batch_size), pairs in epochs.items():
            low, middle, high = quantiles([epoch / one for epoch, one in pairs], n=4)
            print(
                f"  batch {batch_size:5}, {threads} loader threads: {median(e for e, _ in pairs):6.2f} ms, "
                f"{middle:.2f} times the copy before it (quartiles {low:.2f} to {high:.2f})"
            )


@pytest.mark.benchmark(group="an epoch of a mapped file")
@pytest.mark.skipif("LOADERBENCH_LARGE" not in os.environ, reason="writes 4.7 GB; set LOADERBENCH_LARGE=1")
def test_a_hundred_times_the_data(tmp_path, capsys) -> None:
    """Time in turn warm epochs of 60,000 and of 6,000,000 mapped pictures, with one loader thread."""
    torch.set_num_threads(1)
    piece = np.random.default_rng(0).integers(0, 256, (SAMPLES, 28, 28), np.uint8)
    loaders = {}
    for times in (1, 100):
        path = tmp_path / str(times)
        with path.open("wb") as file:
            for _ in range(times):
                file.write(piece.data)
        mapped = MappedFile(path)
        # Written pages are small. They are read again as large ones, as memory_map does.
        mapped.drop()
        mapped.populate()
        samples = times * SAMPLES
        rows = Rows(mapped.tensor(torch.uint8, (samples, 28, 28)), torch.arange(samples) % 10)
        loaders[samples] = RingLoader(rows, batch_size=256, threads=1)
        assert count_samples(loaders[samples]) == samples
    rates = {samples: [] for samples in loaders}
    for turn in range(8):
        for samples, loader in order_turn(loaders.items(), turn):
            epochs = max(1, 10 * SAMPLES // samples)
            took_ms = measure_ms(
                lambda loader=loader, epochs=epochs: [count_samples(loader) for _ in range(epochs)]
            )
            rates[samples].append(epochs * samples / took_ms / 1e3)
    with capsys.disabled():
        for samples, found in rates.items():
            spread = f"{min(found):.1f} to {max(found):.1f}"
            print(f"\n{samples:9,} mapped pictures: {median(found):.1f} million a second ({spread})")
        small, large = (median(found) for found in rates.values())
        print(f"  a hundred times the data: {large / small:.2f} of the speed")
