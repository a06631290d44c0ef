"""Benchmarks of who fills a batch: the training thread, torch's threads with it, or one beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from statistics import median, quantiles
from unittest.mock import patch

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.plan.ceiling_loaders import StepCeiling
from loaders.families.tensor_slice import TensorSlice
from loaders.native import Native, native
from loaders.ring import InMemoryLoader, row_copier
from loaders.ring.native_ring import NativeRing
from model.losses import CrossEntropy
from model.step_spec import StepSpec
from model.train_step import build_step
from tests.benchmarks.turn_order import order_turn
from tests.fakes import numbered_source

SAMPLES, TURNS = 60_000, 15


def measure_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def take_all(loader: Iterable, step: Callable) -> None:
    for batch in loader:
        step(batch)


@pytest.mark.benchmark(group="an epoch of training, 60,000 pictures")
@pytest.mark.skipif(native().library is None, reason="ring.c isn't compiled here")
@pytest.mark.parametrize("num_threads", [1, 2])
def test_who_fills(num_threads: int, capsys, turns: int) -> None:
    """Time in turn the step alone and training, filled by one thread, by torch's, and by one beside."""
    torch.set_num_threads(num_threads)
    source = numbered_source(SAMPLES)
    with capsys.disabled():
        print(f"\n{num_threads} torch threads: share of the step's own speed (quartiles)")
    for batch_size in (64, 256, 1024):
        step = build_step(StepSpec("analytic", CrossEntropy()), pixels=28 * 28, classes=10)
        ceiling = StepCeiling(batch_size=batch_size).build(source, shuffle=True, seed=0)
        loaders = {}
        for name, helpers, together in (
            ("training thread", 0, False), ("torch's threads", 0, True), ("a thread beside", 1, True),
        ):  # fmt: skip
            with patch("loaders.ring.native_ring.has_team", lambda together=together: together):
                spec = TensorSlice(batch_size=batch_size, loader_threads=helpers)
                loaders[name] = spec.build(source, shuffle=True, seed=0)
                assert isinstance(loaders[name]._idle[0][1], NativeRing)
        shares: dict[str, list[float]] = {name: [] for name in loaders}
        for turn in range(turns + 1):
            for name, loader in order_turn(loaders.items(), turn):
                alone_ms = measure_ms(lambda of=ceiling, step=step: take_all(of, step))
                together = name != "training thread" and num_threads > 1
                with patch("loaders.ring.native_ring.has_team", lambda together=together: together):
                    took_ms = measure_ms(lambda of=loader, step=step: take_all(of, step))
                if turn:
                    shares[name].append(alone_ms / took_ms)
        with capsys.disabled():
            for name, found in shares.items():
                low, _, high = quantiles(found, n=4)
                print(f"  batch {batch_size:5}, {name:15}: {median(found):.2f} ({low:.2f} to {high:.2f})")


@pytest.mark.benchmark(group="an epoch of in_memory, 60,000 float32 pictures")
@pytest.mark.parametrize("num_threads", [1, 2])
def test_rows_by_ring_c_beside_numpy(num_threads: int, capsys, turns: int) -> None:
    """Time in turn epochs of in_memory alone whose rows are copied by ring.c and by numpy."""
    torch.set_num_threads(num_threads)
    dataset = TensorDataset(torch.rand(SAMPLES, 1, 28, 28), torch.arange(SAMPLES) % 10)
    for batch_size in (64, 256, 1024):
        loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        ours = InMemoryLoader(loader, num_workers=0)
        with patch.object(row_copier, "native", lambda: Native(None, "for comparison")):
            by_numpy = InMemoryLoader(loader, samples=ours.samples, threads=ours.threads)
        ratios = []
        for turn in range(turns):
            took_ms = {
                loader: measure_ms(lambda of=loader: take_all(of, id))
                for loader in order_turn((by_numpy, ours), turn)
            }
            ratios.append(took_ms[by_numpy] / took_ms[ours])
        low, _, high = quantiles(ratios, n=4)
        with capsys.disabled():
            print(
                f"\n{num_threads} torch threads, {ours.threads} loader threads, batch {batch_size}: "
                f"{median(ratios):.2f} times as fast as numpy's take ({low:.2f} to {high:.2f})"
            )
