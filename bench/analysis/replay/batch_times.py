"""BatchTimes: seconds of each batch in each stage inside a worker that has a core whenever it wants one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.analysis.replay.change import CORES, OTHERS, START_UP, STRAGGLERS, Change
from bench.analysis.replay.ladder_times import LadderTimes
from bench.analysis.replay.stragglers import find_stragglers
from bench.records.batch_trace import BatchTrace

# Use of the cores from which on a worker may have waited for one.
FULL = 0.9


@dataclass(frozen=True, eq=False)
class BatchTimes:
    """Seconds of each batch in each stage inside a worker that has a core whenever it wants one.

    Arrays have the shape (batches,), in the order of the sampler.

    Attributes:
        stages: seconds, by `fetch`, `transform 1`, `transform 2`, `collate`.
        cpu: CPU seconds, by the same names.
        names: the stage of each name that a change may use, such as `ToTensor`.
        is_first: whether the batch is the first one of a worker that was started for the epoch.
        delayed_s: seconds in which its worker was ready and had no core, beside those of the stages.
        kept: share of these that a replay with shared cores doesn't explain; default 0.
    """

    stages: Mapping[str, np.ndarray]
    cpu: Mapping[str, np.ndarray]
    names: Mapping[str, str]
    is_first: np.ndarray
    delayed_s: np.ndarray
    kept: float = 0.0

    @property
    def load_s(self) -> np.ndarray:
        """Seconds of each batch in all stages."""
        total: np.ndarray = np.sum(list(self.stages.values()), axis=0)
        return total

    def apply(self, change: Change) -> tuple[np.ndarray, np.ndarray]:
        """Return the seconds and the CPU seconds of each batch after a change of its stages.

        Delays that are kept shrink with the stages. They are due to others, so they vanish without others.
        """
        factors = dict.fromkeys(self.stages, change.factors.get("all", 1.0))
        for name, factor in change.factors.items():
            if name != "all":
                factors[self.names[name]] *= factor
        for name in change.without:
            if name in self.names:
                factors[self.names[name]] = 0.0
        load_s = np.sum([factors[name] * times for name, times in self.stages.items()], axis=0)
        cpu_s = np.sum([factors[name] * times for name, times in self.cpu.items()], axis=0)
        if not {OTHERS, CORES} & {*change.without}:
            needed_s = self.load_s
            rest = np.divide(load_s, needed_s, out=np.zeros_like(load_s), where=needed_s > 0)
            load_s = load_s + self.kept * self.delayed_s * rest
        if START_UP in change.without:
            _level(load_s, cpu_s, self.is_first & (load_s > np.median(load_s)))
        if STRAGGLERS in change.without:
            # The first batch of a worker is slow by its start.
            _level(load_s, cpu_s, find_stragglers(load_s) & ~self.is_first)
        return load_s, cpu_s


def _level(load_s: np.ndarray, cpu_s: np.ndarray, slow: np.ndarray) -> None:
    """Let slow batches take as long as the median of the others."""
    if slow.any() and not slow.all():
        load_s[slow] = np.median(load_s[~slow])
        cpu_s[slow] = np.median(cpu_s[~slow])


def read_batch_times(
    trace: BatchTrace, ladder: LadderTimes, *, cores: float, in_order: bool, starts_workers: bool
) -> BatchTimes:
    """Read the times of a traced epoch whose inside is known.

    Seconds in which a worker was ready and had no core are taken out of every stage alike, and stand aside.

    Args:
        trace: the epoch.
        ladder: tells which stages compute, and which wait.
        cores: cores that the training may use.
        in_order: whether batches were delivered in the sampler's order. Else they were begun in it.
        starts_workers: whether the epoch began with new workers.
    """
    order = np.arange(trace.batches) if in_order else np.argsort(_fill(trace.begun_s), kind="stable")
    load_s = _fill(trace.load_s)
    cpu_s = np.minimum(_fill(trace.cpu_s, load_s), load_s)
    needed_s = np.clip(load_s - _find_delayed(trace, load_s, cpu_s, ladder, cores), cpu_s, load_s)
    share = np.divide(needed_s, load_s, out=np.ones_like(load_s), where=load_s > 0)
    measured = {"fetch": _fill(trace.fetch_s)}
    for number in range(len(trace.transforms)):
        measured[f"transform {number + 1}"] = _fill(trace.transform_s[:, number])
    measured["collate"] = _fill(trace.collate_s)
    stages = {name: (np.maximum(times, 0.0) * share)[order] for name, times in measured.items()}
    names = {name: name for name in stages}
    for number, transform in enumerate(trace.transforms):
        # Two of one name are told apart by their numbers only.
        if trace.transforms.count(transform) == 1:
            names.setdefault(transform, f"transform {number + 1}")
    return BatchTimes(
        stages=stages,
        cpu=_split_cpu(stages, cpu_s[order], ladder.cpu_shares),
        names=names,
        is_first=find_first_of_workers(trace.worker[order]) & starts_workers,
        delayed_s=(load_s - needed_s)[order],
    )


def _find_delayed(
    trace: BatchTrace, load_s: np.ndarray, cpu_s: np.ndarray, ladder: LadderTimes, cores: float
) -> np.ndarray:
    """Return the seconds of each batch in which its worker was ready and had no core."""
    if not np.isnan(trace.delayed_s).all():
        return _fill(trace.delayed_s)
    first, last = np.nanmin(trace.begun_s), np.nanmax(trace.ended_s)
    used = float(cpu_s.sum()) / float(last - first) if last > first else 0.0
    steps = float(trace.step_s.sum()) / trace.wall_s
    # The step may keep several cores busy. One at least, where it takes time at all.
    if used + steps < FULL * cores:
        return np.zeros_like(load_s)
    # With full cores, a wait for one looks like any other wait. One process alone on the ladder has none.
    waits_s: np.ndarray = load_s - cpu_s
    mean_s = float(waits_s.mean())
    if ladder.wait_s is None or mean_s <= 0:
        return waits_s
    waits_s *= 1 - min(1.0, ladder.wait_s / mean_s)
    return waits_s


def _split_cpu(
    stages: Mapping[str, np.ndarray], cpu_s: np.ndarray, shares: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Split the CPU seconds of each batch among its stages.

    By the ladder's shares where it has them, else in proportion to the stages' times.
    """
    weights = {name: times * shares.get(name, 1.0) for name, times in stages.items()}
    total = np.sum(list(weights.values()), axis=0)
    if not total.any():
        weights = dict(stages)
        total = np.sum(list(weights.values()), axis=0)
    factor = np.divide(cpu_s, total, out=np.zeros_like(cpu_s), where=total > 0)
    return {name: weight * factor for name, weight in weights.items()}


def find_first_of_workers(worker: np.ndarray) -> np.ndarray:
    """Tell which batches are the first of their worker, shape (batches,), bool.

    Args:
        worker: number of the worker of each batch, shape (batches,).
    """
    firsts = np.zeros(len(worker), dtype=bool)
    firsts[np.unique(worker, return_index=True)[1]] = True
    return firsts


def _fill(times: np.ndarray, instead: np.ndarray | None = None) -> np.ndarray:
    """Return a copy in which unknown cells hold those of another array, or the mean of the known ones."""
    unknown = np.isnan(times)
    if not unknown.any():
        return times.astype(float)
    if instead is not None:
        return np.where(unknown, instead, times)
    mean = 0.0 if unknown.all() else float(np.nanmean(times))
    return np.where(unknown, mean, times)
