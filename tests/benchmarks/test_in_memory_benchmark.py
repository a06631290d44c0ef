"""InMemoryLoader against the DataLoader that it was made from, over somebody's own torchvision dataset."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable

import pytest
import torch
from torch.utils.data import DataLoader

from bench.analysis.statistics import estimate
from loaders.ring import InMemoryLoader
from tests.benchmarks.bare_loop import BATCH_SIZE, RandomFashionMNIST
from tests.benchmarks.turn_order import order_turn

SAMPLES, WORKERS, TURNS = 60_000, 4, 7
# An epoch from memory is short.
EPOCHS = 5


def measure_s(loader: Iterable) -> float:
    """Return the length of an epoch of the loader alone, in seconds."""
    began_s = time.perf_counter()
    assert sum(len(labels) for _, labels in loader) == SAMPLES
    return time.perf_counter() - began_s


@pytest.mark.benchmark(group="60,000 pictures through ToTensor")
@pytest.mark.parametrize("num_threads", [1, None])
def test_against_the_dataloader(benchmark, capsys, turns, num_threads) -> None:
    """Epochs of both in turn, with one thread of torch, which leaves a core free, and with its default."""
    default = torch.get_num_threads()
    torch.set_num_threads(num_threads or default)
    dataset = RandomFashionMNIST(SAMPLES)
    theirs = DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, num_workers=WORKERS)
    began_s = time.perf_counter()
    ours = InMemoryLoader(theirs)
    decode_s = time.perf_counter() - began_s
    pairs = []
    epochs = {theirs: 1, ours: EPOCHS}
    for turn in range(turns):
        took_s = {
            loader: statistics.median(measure_s(loader) for _ in range(count))
            for loader, count in order_turn(epochs.items(), turn)
        }
        pairs.append((took_s[theirs], took_s[ours]))
    ratio = estimate([slow_s / fast_s for slow_s, fast_s in pairs])
    assert ratio is not None
    rates = [SAMPLES / statistics.median(side) for side in zip(*pairs, strict=True)]
    interval = f"{ratio.low or 0:.1f} to {ratio.high or 0:.1f}"
    with capsys.disabled():
        print(
            f"\n{num_threads or default} torch threads, {ours.threads} loader threads: "
            f"{rates[0]:,.0f} samples/s by {WORKERS} workers, {rates[1]:,.0f} from memory: "
            f"{ratio.median:.1f} times ({interval}); decoded in {decode_s:.1f} s"
        )
    benchmark.extra_info.update(ratio=ratio.median, decode_s=decode_s)
    benchmark.pedantic(lambda: None, rounds=1)
