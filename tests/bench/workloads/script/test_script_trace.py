"""How long a script's DataLoader is traced: no longer than its epoch, unless its workers live on."""

from __future__ import annotations

import weakref
from contextlib import contextmanager

import pytest
import torch
from torch.utils.data import DataLoader

from bench.workloads.script import script_trace
from bench.workloads.script.script_trace import TraceReporter


class Traces:
    """Stands for the tracing of DataLoaders, and keeps what happened in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @contextmanager
    def trace(self, loader):
        name = f"{len(loader.dataset)}"
        self.events.append(f"begin {name}")
        yield self
        self.events.append(f"end {name}")

    def watch(self, count):
        return count

    def collect(self, timings, epoch):
        self.events.append(f"collect {timings} as {epoch}")
        return timings


@pytest.fixture
def traces(monkeypatch) -> Traces:
    made = Traces()
    monkeypatch.setattr(script_trace, "trace_loader", made.trace)
    return made


def make(samples: int, **settings) -> DataLoader:
    return DataLoader(torch.zeros(samples, 1), **settings)


def test_a_trace_ends_with_its_epoch(traces) -> None:
    """A look at the first batches is traced, too, and not collected."""
    reporter, loader = TraceReporter(epochs=2), make(4)
    for epoch, is_reported in (("a", True), ("a look", False), ("b", True)):
        assert not reporter.is_done
        reporter.begin(loader, None)
        if is_reported:
            assert reporter.report(epoch) == epoch
        reporter.end()
    assert reporter.is_done
    assert traces.events == [
        "begin 4", "collect a as 0", "end 4", "begin 4", "end 4", "begin 4", "collect b as 1", "end 4",
    ]  # fmt: skip


def test_workers_that_live_on_are_traced_on(traces) -> None:
    """Another DataLoader, or the script's end, ends that."""
    reporter, loader = TraceReporter(epochs=3), make(4, num_workers=1, persistent_workers=True)
    for name in ("a", "b"):
        reporter.begin(loader, None)
        reporter.report(name)
        reporter.end()
    reporter.begin(make(6, num_workers=1, persistent_workers=True), None)
    reporter.close()
    reporter.close()
    assert traces.events == [
        "begin 4", "collect a as 0", "collect b as 1", "end 4", "begin 6", "end 6",
    ]  # fmt: skip


def test_a_loader_is_not_kept_alive(traces) -> None:
    """The script may make another one over other data, and memory holds one of them."""
    reporter, loader = TraceReporter(epochs=2), make(4)
    reporter.begin(loader, None)
    reporter.report("a")
    reporter.end()
    gone = weakref.ref(loader)
    del loader
    assert gone() is None


def test_samples_are_counted_as_in_a_trial(traces) -> None:
    """By the indices that were asked for where they are known, else by the form of the first batch."""
    reporter, loader = TraceReporter(epochs=1), make(4)
    assert reporter.begin(loader, lambda batch: 7)(torch.zeros(3)) == 7
    count = reporter.begin(loader, None)
    assert [count((torch.zeros(n, 2), torch.zeros(2))) for n in (4, 2)] == [4, 2]
