"""The tracer of workers: what a system tells of a thread, and datasets that can't be looked into."""

from __future__ import annotations

import time

import pytest
from torch.utils.data import DataLoader, Dataset

from bench.probes import worker_tracer
from bench.probes.loader_trace import trace_loader
from bench.probes.worker_tracer import UNKNOWN, CoreDelay
from bench.trial.measure import measure_epoch
from loaders.device.pipeline import Pipeline


@pytest.mark.parametrize(
    ("text", "delay_ns"),
    [("120 45 7\n", 45), ("0 45 1\n", 45), ("0 0 0\n", UNKNOWN), ("", UNKNOWN), (None, UNKNOWN)],
)
def test_time_without_a_core(tmp_path, text, delay_ns) -> None:
    """It is unknown where the system shows zeros, or nothing. A process that was just forked has turns."""
    if text is not None:
        (tmp_path / "schedstat").write_text(text)
    assert CoreDelay(str(tmp_path / "schedstat")).read_ns() == delay_ns


class Cheap:
    """A transform that costs nothing, so that timing each call of it would cost more."""

    def __call__(self, value):
        return value


def pass_on(value):
    return value


class Watched(Dataset):
    """A dataset that notes whether its transform is timed."""

    def __init__(self, transform) -> None:
        self.transform = transform
        self.own = (type(transform), transform)
        self.timed = []

    def __len__(self):
        return 16

    def __getitem__(self, index):
        self.timed.append((type(self.transform), self.transform) != self.own)
        return self.transform(index)


class EvenClock:
    """A clock that goes on by 100 ns with each reading, from the time of the first one."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns = self.now_ns + 100 if self.now_ns else time.perf_counter_ns()
        return self.now_ns


@pytest.mark.parametrize("transform", [Cheap(), pass_on])
def test_cheap_transforms_are_timed_in_one_batch_of_four(monkeypatch, transform) -> None:
    """The others take as long, as far as their fetch leaves the time."""
    monkeypatch.setattr(worker_tracer, "clock", EvenClock())
    dataset = Watched(transform)
    loader = DataLoader(dataset, 2)
    with trace_loader(loader) as traced:
        trace = traced.collect(measure_epoch(Pipeline(loader), len), 0)
    assert dataset.timed == [batch % 4 == 0 for batch in range(8) for _ in range(2)]
    assert (type(dataset.transform), dataset.transform) == dataset.own
    assert trace.transform_s.shape == (8, 1)
    assert (trace.transform_s > 0).all()
    # Whole nanoseconds, but for rounding.
    assert (trace.fetch_s > -1e-12).all()


def test_an_iterator_that_is_kept_beyond_the_trace() -> None:
    """It goes on without being timed, and writes nowhere."""
    dataset = Watched(Cheap())
    loader = DataLoader(dataset, 2)
    with trace_loader(loader) as traced:
        kept = iter(loader)
        next(kept)
        trace = traced.collect(measure_epoch(Pipeline(loader), len), 0)
        next(kept)
    dataset.timed.clear()
    assert [len(batch) for batch in kept] == [2] * 6
    assert not any(dataset.timed)
    assert trace.is_inside_known


class Nested(Dataset):
    """A dataset that loads from a DataLoader of its own, and whose attributes can't be read."""

    def __init__(self) -> None:
        self.transform = Unreadable()

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return sum(DataLoader(range(index + 2))).item()


class Unreadable:
    def __call__(self, value):
        return value

    @property
    def __dict__(self):
        raise RuntimeError("not for you")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_dataset_that_cannot_be_looked_into(workers) -> None:
    """It is traced without its transforms; what it loads itself isn't mistaken for its own batches."""
    method = "fork" if workers else None
    loader = DataLoader(Nested(), 2, num_workers=workers, multiprocessing_context=method)
    with trace_loader(loader) as traced:
        trace = traced.collect(measure_epoch(Pipeline(loader), len), 0)
    assert trace.is_inside_known
    assert trace.batches == 2
    assert trace.transforms == ()
