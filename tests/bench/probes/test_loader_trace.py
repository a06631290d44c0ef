"""Traces of DataLoaders: each delivered batch has the record of its own loading."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from bench.probes.loader_trace import LoaderTrace, trace_loader
from bench.process.fresh_process import FreshProcess
from bench.process.module_names import enter_folder
from bench.process.running_clock import read_running_s
from bench.records.batch_trace import BatchTrace
from bench.trial.measure import measure_epoch
from loaders.device.pipeline import Pipeline
from loaders.spec.first_batches import FirstBatches

SAMPLES, BATCH = 24, 2
BATCHES = SAMPLES // BATCH


def make_sample(index: int) -> torch.Tensor:
    """Return a sample that says its index, its worker, when it was made and the worker's mark."""
    info = get_worker_info()
    mark = 0 if info is None else getattr(info.dataset, "mark", 0)
    return torch.tensor([index, -1 if info is None else info.id, time.perf_counter_ns(), mark])


class Pause:
    """A transform that takes its time. The first batch may wait until another one was delivered."""

    def __init__(self, was_overtaken: Event | None) -> None:
        self.was_overtaken = was_overtaken

    def __call__(self, sample):
        time.sleep(0.001)
        if self.was_overtaken is not None and sample[0] < BATCH:
            # Not for ever: workers that live on must answer before the next epoch begins.
            self.was_overtaken.wait(5)
        return sample


class Told(Dataset):
    """Samples that tell of their loading."""

    def __init__(self, was_overtaken: Event | None = None) -> None:
        self.transform = Pause(was_overtaken)

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        return self.transform(make_sample(index))


class ToldStream(IterableDataset):
    """The same as a stream, of which the first worker has less than the others."""

    def __iter__(self):
        info = get_worker_info()
        if info is None:
            return map(make_sample, range(SAMPLES))
        half = SAMPLES // info.num_workers
        return map(make_sample, range(half * info.id, half * (info.id + 1) - (6 if info.id == 0 else 0)))


def collate(samples):
    time.sleep(0.001)
    return torch.stack(samples)


def mark(worker: int) -> None:
    """Change the worker's copy of the dataset, as users' worker_init_fns do."""
    get_worker_info().dataset.mark = worker + 7


def set_workers(workers: int, **options) -> dict:
    """Return arguments of a DataLoader with forked workers, or without workers."""
    return {"num_workers": workers, "multiprocessing_context": "fork" if workers else None, **options}


class Loop:
    """A training loop over a traced loader, which keeps what it got, and may tell when it got the first."""

    def __init__(self, loader, trace: LoaderTrace, has_begun: Event | None = None) -> None:
        self.loader, self.trace, self.has_begun = loader, trace, has_begun
        self.epoch = 0

    def run(self) -> tuple[BatchTrace, np.ndarray]:
        """Return the trace of an epoch, and what its batches told: (batches, samples of a batch, 4)."""
        batches: list[torch.Tensor] = []

        def step(batch: torch.Tensor) -> None:
            batches.append(batch)
            if self.has_begun is not None:
                self.has_begun.set()

        timings = measure_epoch(Pipeline(self.loader), step, count=self.trace.watch(len))
        self.epoch += 1
        trace = self.trace.collect(timings, self.epoch - 1)
        # Seconds since the start of the epoch, in place of readings of the clock.
        told = torch.stack(batches).double().numpy()
        told[..., 2] = (torch.stack(batches)[..., 2] - timings.start_ns).numpy() * 1e-9
        check(trace, told, workers=getattr(self.loader, "num_workers", 2))
        return trace, told


def check(trace: BatchTrace, told: np.ndarray, *, workers: int) -> None:
    """Hold a trace against what the batches tell of their loading."""
    assert trace.is_inside_known
    assert trace.samples == told.shape[0] * told.shape[1]
    assert trace.worker.tolist() == told[:, 0, 1].tolist()
    made_s = told[..., 2]
    for earlier, later in (
        (0.0, trace.begun_s),
        (trace.begun_s, made_s.min(axis=1)),
        (made_s.max(axis=1), trace.fetched_s),
        (trace.fetched_s, trace.ended_s),
        (trace.ended_s, trace.arrived_s),
        (trace.asked_s, trace.arrived_s),
        (trace.arrived_s, trace.moved_s),
        (trace.moved_s, trace.done_s),
        (trace.done_s, trace.wall_s),
        (0.0, trace.cpu_s),
        (0.0, trace.fetch_s),
        (0.0, trace.teardown_s),
    ):
        assert np.all(np.asarray(earlier) <= np.asarray(later))
    assert np.all(trace.num_bytes == told[0, :, 0].size * 4 * 8)
    if trace.indices:
        assert [list(indices) for indices in trace.indices] == told[..., 0].tolist()
    assert {start.worker for start in trace.starts} <= set(range(workers))
    for start in trace.starts:
        assert start.created_s is not None
        assert 0 <= start.created_s <= start.ready_s
        assert start.ready_s <= trace.begun_s[trace.worker == start.worker].min(initial=np.inf)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_map_style_loader(workers) -> None:
    """The times of fetch, transform and collation of each batch, its worker, its indices and its bytes."""
    loader = DataLoader(Told(), BATCH, shuffle=True, collate_fn=collate, **set_workers(workers))
    own = (loader.worker_init_fn, loader.batch_sampler)
    with trace_loader(loader) as traced:
        loop = Loop(loader, traced)
        for epoch in range(2):
            trace, _ = loop.run()
            # A look at the first batch, as scripts have it between their epochs, belongs to none.
            next(iter(loader))
            assert trace.epoch == epoch
            assert trace.transforms == ("Pause",)
            assert trace.transform_s.shape == (BATCHES, 1)
            assert trace.transform_s.min() >= BATCH * 0.001
            assert trace.collate_s.min() >= 0.001
            assert len(trace.indices) == BATCHES
            assert [start.worker for start in trace.starts] == list(range(workers))
            assert {start.pid for start in trace.starts}.isdisjoint({os.getpid()})
    assert (loader.worker_init_fn, loader.batch_sampler) == own
    assert type(loader.dataset.transform) is Pause
    assert not list(Path(tempfile.gettempdir()).glob("loaderbench-trace-*"))


def test_workers_that_live_on_and_an_epoch_that_ends_early() -> None:
    """Batches that were loaded ahead for an epoch that is over belong to no other one."""
    options = set_workers(2, persistent_workers=True, worker_init_fn=mark)
    loader = DataLoader(Told(), BATCH, shuffle=True, **options)
    with trace_loader(loader) as traced:
        first, told = Loop(FirstBatches(loader, 3), traced).run()
        assert len(first.starts) == 2
        assert (told[..., 3] == told[..., 1] + 7).all()
        whole, told = Loop(loader, traced).run()
        assert whole.batches == BATCHES
        assert whole.starts == ()
        assert (told[..., 3] == told[..., 1] + 7).all()
    assert loader._iterator is None


@pytest.mark.parametrize("persistent", [False, True])
def test_batches_that_overtake_each_other(persistent) -> None:
    """The order of delivery is that of arrival, and the indices follow it."""
    options = set_workers(2, in_order=False, persistent_workers=persistent)
    has_begun = multiprocessing.get_context("fork").Event()
    loader = DataLoader(Told(has_begun), BATCH, **options)
    with trace_loader(loader) as traced:
        Loop(FirstBatches(loader, 2), traced, has_begun).run()
        has_begun.clear()
        trace, _ = Loop(loader, traced, has_begun).run()
    assert trace.indices
    assert trace.indices[0] != (0, 1)


@pytest.mark.parametrize(("workers", "in_order"), [(0, True), (2, True), (2, False)])
def test_an_iterable_dataset(workers, in_order) -> None:
    """The iteration is its fetch. A worker that has no more is passed over."""
    loader = DataLoader(ToldStream(), BATCH, **set_workers(workers, in_order=in_order))
    with trace_loader(loader) as traced:
        trace, _ = Loop(loader, traced).run()
    assert trace.batches == (BATCHES if not workers else BATCHES - 3)
    assert trace.indices == ()


class Compound(Dataset):
    """Samples with indices of two parts, one of them a text."""

    def __getitem__(self, index):
        return torch.tensor(index[1])


@pytest.mark.parametrize(
    ("options", "indices"),
    [
        ({"sampler": [("a", 1), ("b", 2)], "batch_size": None}, (("('a', 1)",), ("('b', 2)",))),
        ({"batch_sampler": [(("a", 1), ("b", 2))]}, (("('a', 1)", "('b', 2)"),)),
    ],
)
def test_indices_of_any_kind(options, indices) -> None:
    """An index that is no number is told as text, and a tuple may be one index or a batch of them."""
    loader = DataLoader(Compound(), **options)
    with trace_loader(loader) as traced:
        trace = traced.collect(measure_epoch(Pipeline(loader), lambda batch: None), 0)
    assert trace.indices == indices


@pytest.mark.parametrize("loader", [[torch.ones(2, 3)] * 4, "running"])
def test_a_loader_whose_inside_is_not_seen(loader) -> None:
    """A loader that is no DataLoader, and workers that are running already."""
    if loader == "running":
        loader = DataLoader(Told(), BATCH, **set_workers(1, persistent_workers=True))
        next(iter(loader))
    with trace_loader(loader) as traced:
        trace = traced.collect(measure_epoch(Pipeline(loader), len), 0)
    assert not trace.is_inside_known
    assert np.isnan(trace.fetch_s).all()
    assert (trace.transform_s.shape, trace.transforms) == ((trace.batches, 0), ())
    assert (trace.wait_s >= 0).all()


PROJECT = """
import bench, loaders, model, transforms, worker_tracer
from torch.utils.data import Dataset
import torch

class Numbers(Dataset):
    def __init__(self):
        self.transform = torch.nn.Sequential(torch.nn.Identity())

    def __len__(self):
        return 6

    def __getitem__(self, index):
        import bench, loaders, model, transforms, worker_tracer
        assert {module.WORD for module in (bench, loaders, model, transforms, worker_tracer)} == {"theirs"}
        return self.transform(torch.tensor(float(index)))
"""


def trace_project(folder: Path, method: str) -> Iterator[BatchTrace]:
    """Trace a loader of a project in its folder, and yield the trace of one epoch."""
    enter_folder(folder)
    numbers = __import__("train").Numbers()
    loader = DataLoader(numbers, 2, num_workers=1, multiprocessing_context=method)
    with trace_loader(loader) as traced:
        yield traced.collect(measure_epoch(Pipeline(loader), len), 0)


def test_workers_that_are_not_forked_beside_modules_of_our_names(context, tmp_path) -> None:
    """The worker finds neither our packages nor our files by name."""
    for name in ("bench", "loaders", "model", "transforms", "worker_tracer"):
        (tmp_path / f"{name}.py").write_text("WORD = 'theirs'\n")
    (tmp_path / "train.py").write_text(PROJECT)
    work = partial(trace_project, tmp_path, "forkserver")
    with FreshProcess(work, context=context, log=tmp_path / "log", title="test") as process:
        trace = process.take(read_running_s() + 60)
    assert trace.is_inside_known
    assert trace.transforms == ("Identity",)
    assert trace.transform_s.min() > 0
    assert trace.indices == ((0, 1), (2, 3), (4, 5))
    (start,) = trace.starts
    assert 0 < start.created_s < start.ready_s < trace.begun_s[0]
