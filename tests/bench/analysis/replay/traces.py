"""Evidence of made-up loaders: traces, rows and rungs that fit each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from bench.analysis.evidence import BlockEvidence, Evidence, LoaderSetup, Pilot, PilotChange
from bench.records.batch_trace import IN_TRAINING_PROCESS, BatchTrace, WorkerStart
from bench.records.row import Row
from bench.records.rung_time import COLLATE, FETCH, LOADER, ORDER, TRANSFER, TRANSFORM, TRANSPORT, RungTime
from tests.bench import runs

ORDER_S = 20e-6


@dataclass(frozen=True)
class MadeUpLoader:
    """A DataLoader and a step of which every time is given. Cores never run short in it.

    Attributes:
        fetch_s: seconds of a batch in the dataset.
        transforms: seconds of a batch in each transform, by name.
        collate_s: seconds of a batch's collation.
        step_s: seconds of a step; 0 for none.
        num_workers: number of workers.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches come in the sampler's order.
        persistent_workers: whether workers live on between epochs.
        batches: number of batches of an epoch.
        batch_size: samples in a batch.
        start_s: seconds until workers begin, in epochs that start them.
        end_s: seconds from the last step until the iterator is gone.
        hand_s: seconds of the training process to receive a batch.
        transfer_s: seconds of each batch's transfer.
        slow: further seconds in the dataset of some batches, by number.
        first_s: further seconds in the dataset of each new worker's first batch.
        delayed_s: seconds of each batch in which its worker had no core.
        cpu: share of each stage's time that is CPU time, by the stage's name; default 1.
        step_cores: cores that the step keeps busy.
        cores: cores of the machine.
        other_cpu_share: share of the cores that other processes took.
        noise: spread of the times of blocks, as a share.
    """

    fetch_s: float = 0.008
    transforms: Mapping[str, float] = field(default_factory=dict)
    collate_s: float = 0.001
    step_s: float = 0.002
    num_workers: int = 2
    prefetch_factor: int = 2
    in_order: bool = True
    persistent_workers: bool = False
    batches: int = 64
    batch_size: int = 32
    start_s: float = 0.02
    end_s: float = 0.01
    hand_s: float = 0.0002
    transfer_s: float = 0.0
    slow: Mapping[int, float] = field(default_factory=dict)
    first_s: float = 0.0
    delayed_s: float = 0.0
    cpu: Mapping[str, float] = field(default_factory=dict)
    step_cores: float = 0.0
    cores: float = 16
    other_cpu_share: float = 0.0
    noise: float = 0.005

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of a typical batch in each stage inside a worker."""
        return {"fetch": self.fetch_s, **self.transforms, "collate": self.collate_s}

    def make_setup(self, **changes) -> LoaderSetup:
        """Return the configuration."""
        setup = LoaderSetup(
            name="train.py:train_loader", family="own", step="step" if self.step_s else "none",
            device="cuda" if self.transfer_s else "cpu", cores=self.cores, num_threads=1, has_dataloader=True,
            batch_size=self.batch_size, num_workers=self.num_workers,
            prefetch_factor=self.prefetch_factor if self.num_workers else None,
            persistent_workers=self.persistent_workers, in_order=self.in_order,
            multiprocessing_context="fork" if self.num_workers else None,
            measured_batches=self.batches, epoch_batches=self.batches, map_style=True,
        )  # fmt: skip
        return replace(setup, **changes)

    def make_fetch(self, *, starts_workers: bool) -> np.ndarray:
        """Return the seconds of each batch in the dataset."""
        fetch_s = np.full(self.batches, self.fetch_s)
        for batch, more_s in self.slow.items():
            fetch_s[batch] += more_s
        if starts_workers:
            fetch_s[: max(1, self.num_workers)] += self.first_s
        return fetch_s

    def starts_workers(self, epoch: int) -> bool:
        """Tell whether an epoch starts workers."""
        return self.num_workers > 0 and (epoch == 0 or not self.persistent_workers)

    def make_trace(self, epoch: int = 1, factor: float = 1.0) -> BatchTrace:
        """Return the timeline of an epoch.

        Args:
            epoch: number of the epoch; the first one is cold.
            factor: lengthens every time.
        """
        starts_workers = self.starts_workers(epoch)
        fetch_s = self.make_fetch(starts_workers=starts_workers or (not self.num_workers and epoch == 0))
        transform_s = np.tile(np.array(list(self.transforms.values())), (self.batches, 1))
        load_s = fetch_s + transform_s.sum(axis=1) + self.collate_s + self.delayed_s
        start_s = self.start_s if starts_workers else 0.001
        end_s = self.end_s if starts_workers else 0.001
        run = run_loader(self, load_s, self.transfer_s + self.step_s, start_s)
        order = run.batch
        cpu = {name: self.cpu.get(name, 1.0) for name in self.stages}
        cpu_s = fetch_s * cpu["fetch"] + self.collate_s * cpu["collate"]
        cpu_s += sum(seconds * cpu[name] for name, seconds in self.transforms.items())
        starts = tuple(WorkerStart(w, 0.8 * start_s, start_s, 100 + w) for w in range(self.num_workers))
        moved = run.arrived + self.transfer_s
        return BatchTrace(
            epoch=epoch, wall_s=factor * (run.done[-1] + end_s), startup_s=factor * start_s,
            teardown_s=factor * end_s, samples=self.batches * self.batch_size, worker=run.worker,
            asked_s=factor * run.asked, arrived_s=factor * run.arrived, moved_s=factor * moved,
            done_s=factor * run.done, begun_s=factor * run.begun,
            fetched_s=factor * (run.ended - self.collate_s), ended_s=factor * run.ended,
            cpu_s=factor * cpu_s[order], delayed_s=np.full(self.batches, factor * self.delayed_s),
            transform_s=factor * transform_s[order], transforms=tuple(self.transforms),
            indices=tuple(tuple(range(b * self.batch_size, (b + 1) * self.batch_size)) for b in order),
            num_bytes=np.full(self.batches, 4e6), starts=starts if starts_workers else (),
        )  # fmt: skip

    def make_row(self, trace: BatchTrace, block: int, **changes) -> Row:
        """Return the row of an epoch that went like a trace."""
        cpu_s = float(trace.cpu_s.sum() + self.step_cores * trace.step_s.sum())
        values = {
            "family": "own", "step": "step" if self.step_s else "none", "samples": trace.samples,
            "batches": trace.batches, "wall_s": trace.wall_s, "samples_per_s": trace.samples / trace.wall_s,
            "startup_s": trace.startup_s, "time_to_first_batch_s": float(trace.arrived_s[0]),
            "data_wait_s": float(trace.wait_s.sum()), "data_wait_median_s": float(np.median(trace.wait_s)),
            "transfer_s": float(trace.transfer_s.sum()),
            "step_s": float(trace.step_s.sum()), "teardown_s": trace.teardown_s, "cpu_s": cpu_s,
            "other_cpu_share": self.other_cpu_share,
        }  # fmt: skip
        return runs.row(0, block, trace.epoch, **{**values, **changes})

    def make_step_row(self, block: int, factor: float = 1.0) -> Row:
        """Return the row of an epoch of the step alone."""
        wall_s = factor * self.batches * (self.step_s + self.transfer_s)
        samples = self.batches * self.batch_size
        return runs.row(
            0, block, 1, family="step_ceiling", samples=samples, batches=self.batches, wall_s=wall_s,
            samples_per_s=samples / wall_s, startup_s=0.0, teardown_s=0.0, data_wait_s=0.0,
            transfer_s=factor * self.batches * self.transfer_s, step_s=factor * self.batches * self.step_s,
            cpu_s=self.step_cores * wall_s,
        )  # fmt: skip

    def make_rungs(self, block: int, factor: float = 1.0) -> tuple[RungTime, ...]:
        """Return the rungs of the ladder, each of which holds those below it."""
        fetch_s = float(self.make_fetch(starts_workers=False).mean())
        spent = [(ORDER, "", ORDER_S, 1.0), (FETCH, "", fetch_s, self.cpu.get("fetch", 1.0))]
        for name, seconds in self.transforms.items():
            spent.append((TRANSFORM, name, seconds, self.cpu.get(name, 1.0)))
        spent.append((COLLATE, "", self.collate_s, self.cpu.get("collate", 1.0)))
        rungs, batch_s, cpu_s = [], 0.0, 0.0
        for place, (rung, stage, seconds, share) in enumerate(spent):
            batch_s, cpu_s = batch_s + seconds, cpu_s + seconds * share
            rungs.append(self._make_rung((rung, stage), place, block, (factor * batch_s, factor * cpu_s)))
        load_s = self.make_fetch(starts_workers=False) + sum(self.transforms.values()) + self.collate_s
        loader_s = run_loader(self, load_s, 0.0).done[-1] / self.batches
        rungs.append(self._make_rung((LOADER, ""), len(rungs), block, (factor * loader_s, factor * cpu_s)))
        if self.num_workers:
            hand = factor * self.hand_s, factor * self.hand_s
            rungs.append(self._make_rung((TRANSPORT, ""), len(rungs), block, hand))
        if self.transfer_s:
            moved = factor * (loader_s + self.transfer_s), factor * cpu_s
            rungs.append(self._make_rung((TRANSFER, ""), len(rungs), block, moved))
        return tuple(rungs)

    def make_evidence(self, blocks: int = 5, **changes) -> Evidence:
        """Return the evidence of some blocks, each with a cold and a steady epoch.

        Args:
            blocks: number of blocks.
            changes: fields of the LoaderSetup to replace.
        """
        # Times of blocks vary around the given ones, evenly and the same in each run of a test.
        factors = 1 + self.noise * np.linspace(-1, 1, blocks) if blocks > 1 else np.ones(1)
        cold, steady = self.make_trace(0), self.make_trace(1)
        found = []
        for block, factor in enumerate(factors):
            whole = [self.make_row(scale(trace, factor), block) for trace in (cold, steady)]
            alone = (self.make_step_row(block, factor),) if self.step_s + self.transfer_s else ()
            traces = scale(cold, factor), scale(steady, factor)
            found.append(
                BlockEvidence(block, tuple(whole), alone, traces, self.make_rungs(block, float(factor)))
            )
        return Evidence(self.make_setup(**changes), tuple(found))

    def _make_rung(
        self, names: tuple[str, str], place: int, block: int, seconds: tuple[float, float]
    ) -> RungTime:
        """Return a rung from its names, and its seconds and CPU seconds a batch."""
        wall_s, cpu_s = (self.batches * value for value in seconds)
        return RungTime(*names, place, block, self.batches, self.batches * self.batch_size, wall_s, cpu_s)


def add_pilot(
    evidence: Evidence, change: PilotChange, loader: MadeUpLoader, *, is_inside_known: bool = True, **changes
) -> Evidence:
    """Return the evidence with a changed loader that was tried in each block.

    Args:
        evidence: evidence of the present loader.
        change: what was changed.
        loader: the changed loader.
        is_inside_known: whether its loading was seen from the inside.
        changes: fields of its setup.
    """
    setup = loader.make_setup(family=change.family, **changes)
    blocks = []
    cold, steady = loader.make_trace(0), loader.make_trace(1)
    middle = evidence.blocks[len(evidence.blocks) // 2]
    for block in evidence.blocks:
        # As much slower or faster than the block in the middle as the block is.
        factor = block.traces[1].wall_s / middle.traces[1].wall_s
        traces: tuple[BatchTrace, ...] = (scale(cold, factor), scale(steady, factor))
        if not is_inside_known:
            traces = tuple(map(_hide, traces))
        pilots = (*block.pilots, Pilot(change, setup, traces))
        blocks.append(replace(block, pilots=pilots))
    return replace(evidence, blocks=tuple(blocks))


def scale(trace: BatchTrace, factor: float) -> BatchTrace:
    """Return a trace with every time lengthened."""
    names = [name for name in trace.__dataclass_fields__ if name.endswith("_s")]
    starts = tuple(
        replace(
            start,
            ready_s=factor * start.ready_s,
            created_s=None if start.created_s is None else factor * start.created_s,
        )
        for start in trace.starts
    )
    return replace(trace, starts=starts, **{name: factor * getattr(trace, name) for name in names})


def hide_inside(evidence: Evidence) -> Evidence:
    """Return evidence of a loader of which nothing is seen from the inside."""
    blocks = tuple(
        replace(block, traces=tuple(map(_hide, block.traces)), rungs=()) for block in evidence.blocks
    )
    return replace(evidence, setup=replace(evidence.setup, has_dataloader=False), blocks=blocks)


def _hide(trace: BatchTrace) -> BatchTrace:
    unknown = np.full(trace.batches, np.nan)
    names = ("begun_s", "fetched_s", "ended_s", "cpu_s", "delayed_s")
    blank = dict.fromkeys(names, unknown)
    worker = np.full(trace.batches, IN_TRAINING_PROCESS)
    nothing = np.empty((trace.batches, 0))
    return replace(trace, **blank, worker=worker, transform_s=nothing, transforms=(), starts=())


def run_loader(
    loader: MadeUpLoader, load_s: np.ndarray, busy_s: float, start_s: float = 0.0
) -> SimpleNamespace:
    """Run a DataLoader's own bookkeeping, named as in torch, on a clock that is made up.

    Args:
        loader: gives the workers, prefetching, order and the seconds to receive a batch.
        load_s: seconds of each batch in a worker, in the sampler's order.
        busy_s: seconds from the arrival of a batch until the next one is asked for.
        start_s: seconds until workers begin.

    Returns:
        Arrays in the order of delivery: batch, worker, asked, arrived, done, begun, ended.
    """
    workers, prefetch, sampler = loader.num_workers, loader.prefetch_factor, iter(range(len(load_s)))
    begun, ended = np.zeros(len(load_s)), np.zeros(len(load_s))
    rows: list[tuple[int, int, float, float, float]] = []
    now = start_s
    if not workers:
        for batch in sampler:
            begun[batch], ended[batch] = now, now + load_s[batch]
            rows.append((batch, IN_TRAINING_PROCESS, now, ended[batch], ended[batch] + busy_s))
            now = ended[batch] + busy_s
        return _make_run(rows, begun, ended)
    busy_until = [start_s] * workers
    num_tasks = [0] * workers
    task_info: dict[int, list[int]] = {}
    cycle, results, send_idx, rcvd_idx = deque(range(workers)), [], 0, 0

    def next_worker() -> int:
        worker = cycle[0]
        cycle.rotate(-1)
        return worker

    def try_put_index() -> None:
        nonlocal send_idx
        batch = next(sampler, None)
        if batch is None:
            return
        worker = next_worker()
        while not loader.in_order and num_tasks[worker] >= prefetch:
            worker = next_worker()
        begun[batch] = max(busy_until[worker], now)
        busy_until[worker] = ended[batch] = begun[batch] + load_s[batch]
        results.append(batch)
        task_info[batch] = [worker]
        num_tasks[worker] += 1
        send_idx += 1

    for _ in range(workers * prefetch):
        try_put_index()
    while True:
        while rcvd_idx < send_idx and rcvd_idx not in task_info:
            rcvd_idx += 1
        if rcvd_idx >= send_idx:
            return _make_run(rows, begun, ended)
        asked, batch = now, rcvd_idx
        if len(task_info[rcvd_idx]) == 1:
            while True:
                batch = min(results, key=lambda index: (ended[index], index))
                results.remove(batch)
                now = max(now, ended[batch]) + loader.hand_s
                if batch == rcvd_idx or not loader.in_order:
                    break
                task_info[batch].append(1)
        worker = task_info.pop(batch)[0]
        num_tasks[worker] -= 1
        try_put_index()
        rows.append((batch, worker, asked, now, now + busy_s))
        now += busy_s


def _make_run(
    rows: list[tuple[int, int, float, float, float]], begun: np.ndarray, ended: np.ndarray
) -> SimpleNamespace:
    batch, worker, asked, arrived, done = map(np.array, zip(*rows, strict=True))
    return SimpleNamespace(
        batch=batch, worker=worker, asked=asked, arrived=arrived, done=done, begun=begun[batch],
        ended=ended[batch],
    )  # fmt: skip
