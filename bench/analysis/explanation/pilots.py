"""Pilots: changes that are tried in short, as no replay of the present configuration tells their effect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.evidence import BlockEvidence, LoaderSetup, PilotChange
from bench.analysis.replay.step_times import WAITING_STEP
from bench.records.batch_trace import BatchTrace

# What saves less of an epoch isn't worth a pilot.
MATTERS = 0.05
# A step this much slower beside workers than alone may have too many threads.
SLOWED = 1.1
# Workers are tried up to so many times the cores, where loading waits rather than computes.
MOST_TIMES_CORES = 4
# Seconds that the decoding of all samples may take.
LONGEST_DECODING_S = 15.0
MOST_PILOTS = 4


@dataclass(frozen=True)
class _Seen:
    """Means of one block's traced epochs, in seconds a batch.

    Attributes:
        epoch_s: the epoch.
        wait_s: the training waits.
        load_s: a batch is loaded by one process.
        computing: share of the loading in which it computes.
        step_s: the step beside the loading.
        start_s: seconds until the first batch of an epoch, beside its loading.
    """

    epoch_s: float
    wait_s: float
    load_s: float
    computing: float
    step_s: float
    start_s: float


def choose_pilots(setup: LoaderSetup, block: BlockEvidence) -> list[PilotChange]:
    """Choose the changes to try in short, by what the first block has shown so far.

    These are changes whose effect isn't seen in the present configuration: workers where there are none, no
    more workers than there are cores, fewer threads of a step that workers slow down, another start of
    workers, copies out of page-locked memory, and samples kept in memory.

    Args:
        setup: the present configuration.
        block: its first block. What a pilot in it shows may suggest one more.

    Returns:
        At most four, the most telling first; nothing where no inside is known, or nothing is to be gained.
    """
    traces = [trace for trace in block.traces if trace.is_inside_known]
    if not traces or not setup.has_dataloader:
        return []
    found = dict.fromkeys(_list_pilots(setup, block, _see(traces)))
    return [*found][:MOST_PILOTS]


def _list_pilots(setup: LoaderSetup, block: BlockEvidence, seen: _Seen) -> Iterator[PilotChange]:
    family = setup.family
    workers = _choose_workers(setup, seen)
    waits = seen.wait_s >= MATTERS * seen.epoch_s
    if workers is not None and (waits or setup.num_workers):
        yield make_pilot(family, num_workers=workers)
    if _can_keep_samples(setup, seen) and waits:
        yield PilotChange("in_memory")
    if _is_slowed(setup, block, seen):
        knobs = {} if setup.num_workers or workers is None else {"num_workers": workers}
        yield make_pilot(family, num_threads=max(1, setup.num_threads // 2), **knobs)
    if setup.multiprocessing_context in ("spawn", "forkserver") and seen.start_s >= MATTERS * seen.epoch_s:
        yield make_pilot(family, multiprocessing_context="fork")
    if setup.device == "cuda" and not setup.pin_memory:
        yield make_pilot(family, pin_memory=True)


def make_pilot(family: str, **knobs: object) -> PilotChange:
    """Return a change of some knobs."""
    return PilotChange(family, tuple(sorted(knobs.items())))


def _choose_workers(setup: LoaderSetup, seen: _Seen) -> int | None:
    """Return a number of workers to try; None where a replay tells what others than the present one do."""
    cores = max(1, int(setup.cores))
    if setup.num_workers:
        # Those that wait leave the cores to others, as a replay knows.
        is_crowded = setup.num_workers > cores and setup.num_workers * seen.computing > cores
        return cores if is_crowded else None
    if not setup.map_style:
        return 1
    most = round(setup.cores / max(seen.computing, 1 / MOST_TIMES_CORES))
    # So many hide the loading behind the step, and more would have nothing to load.
    enough = math.ceil(seen.load_s / seen.step_s) if seen.step_s > 0 else most
    return max(1, min(most, enough, setup.measured_batches or most))


def _can_keep_samples(setup: LoaderSetup, seen: _Seen) -> bool:
    """Tell whether all samples can be decoded and kept, within seconds."""
    if setup.in_memory_bytes is None or setup.no_in_memory or setup.epoch_batches is None:
        return False
    decoders = setup.num_workers or max(1, int(setup.cores))
    return seen.load_s * setup.epoch_batches / decoders <= LONGEST_DECODING_S


def _is_slowed(setup: LoaderSetup, block: BlockEvidence, seen: _Seen) -> bool:
    """Tell whether workers slow down a step that has several threads."""
    if setup.num_threads < 2 or setup.device != "cpu" or setup.step == "none":
        return False
    if WAITING_STEP.fullmatch(setup.step):
        return False
    batches = sum(row.batches or 0 for row in block.step_alone)
    alone_s = sum(row.wall_s or 0.0 for row in block.step_alone) / batches if batches else None
    if alone_s is None:
        return False
    beside = [seen] if setup.num_workers else []
    beside += [
        _see(pilot.traces)
        for pilot in block.pilots
        if pilot.setup.num_workers and pilot.setup.num_threads == setup.num_threads
    ]
    return any(
        one.step_s > SLOWED * alone_s and one.step_s - alone_s >= MATTERS * one.epoch_s for one in beside
    )


def _see(traces: Sequence[BatchTrace]) -> _Seen:
    steady = [trace for trace in traces if trace.epoch > 0] or traces
    batches = sum(trace.batches for trace in steady)
    load_s = np.concatenate([trace.load_s for trace in steady])
    cpu_s = np.concatenate([trace.cpu_s for trace in steady])
    known = ~(np.isnan(load_s) | np.isnan(cpu_s))
    loading_s = float(load_s[known].sum())
    first_s = [float(trace.arrived_s[0] - np.nan_to_num(trace.load_s[0])) for trace in steady]
    return _Seen(
        epoch_s=sum(trace.wall_s for trace in steady) / batches,
        wait_s=sum(float(trace.wait_s.sum()) for trace in steady) / batches,
        load_s=float(np.nanmean(load_s)) if known.any() else 0.0,
        computing=float(cpu_s[known].sum()) / loading_s if loading_s > 0 else 1.0,
        step_s=sum(float(trace.step_s.sum()) for trace in steady) / batches,
        start_s=sum(first_s) / batches,
    )
