"""Stragglers: the slowest batches, whose samples they hold, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.analysis.explanation.block_figures import BlockFigures
from bench.analysis.explanation.explanation import SlowBatch
from bench.analysis.explanation.facts import Facts
from bench.analysis.replay.batch_times import find_first_of_workers
from bench.analysis.replay.change import STRAGGLERS
from bench.analysis.replay.stragglers import find_stragglers
from bench.records.batch_trace import BatchTrace

# More slow batches than this share of all are no stragglers: loading is slow.
FEW = 0.10
MOST_NAMED = 8
# Batches that were slow by chance are named where all stragglers cost this share of an epoch.
MATTERS = 0.03


def find_slow_batches(facts: Facts) -> tuple[SlowBatch, ...]:
    """Return the slowest batches of all traced epochs, the slowest first, each group of samples once.

    A sample is told apart from its neighbours where these were in another epoch in a batch that was not slow,
    and every batch with it was. Without such an epoch, all samples of the batch are named.

    A batch of which each sample was in a fast one elsewhere was slow by chance, such as by a pause of the
    disk, and has no sample to blame. Such batches follow the others, where stragglers cost much.

    Args:
        facts: means of what was measured.
    """
    blocks = facts.blocks
    traces = [(one.block, trace) for one in blocks for trace in _pick_all(one) if trace.is_inside_known]
    innocent = {index for _, trace in traces for index in _find_innocent(trace)}
    found = [slow for block, trace in traces for slow in _list_slow(block, trace, innocent)]
    if find_straggling_share(facts) < MATTERS:
        found = [slow for slow in found if slow.indices]
    named: dict[tuple[int | str, ...], SlowBatch] = {}
    for slow in sorted(found, key=lambda slow: (not slow.indices, -slow.load_s)):
        # Where indices aren't known, the number in the epoch tells batches apart.
        named.setdefault(slow.indices or (slow.number,), slow)
    return tuple(list(named.values())[:MOST_NAMED])


def find_straggling_share(facts: Facts) -> float:
    """Return the share of a whole epoch that a few slow batches cost; 0 where they aren't few.

    By replay with the time of a typical batch in their place. Without one that can be trusted, it is what
    they waited beyond a typical batch.
    """
    traces = [trace for one in facts.blocks for trace in one.traces if trace.is_inside_known]
    slow = [mark_stragglers(trace) for trace in traces]
    count = sum(int(marks.sum()) for marks in slow)
    if not count or count > FEW * sum(len(marks) for marks in slow):
        return 0.0
    saving = facts.find_saving(without={STRAGGLERS})
    if saving is not None:
        return max(0.0, saving)
    waited_s = sum(_sum_excess(trace, marks) for trace, marks in zip(traces, slow, strict=True))
    return facts.find_share(waited_s / sum(trace.batches for trace in traces))


def mark_stragglers(trace: BatchTrace) -> np.ndarray:
    """Tell which batches of a trace load far longer than the others, shape (batches,), bool.

    The first batch of a worker that was just started is none, since it is slow by its start.
    """
    load_s = np.nan_to_num(trace.load_s)
    marks: np.ndarray = find_stragglers(load_s) & ~_find_starting(trace)
    return marks


def _find_starting(trace: BatchTrace) -> np.ndarray:
    if trace.starts or trace.epoch == 0:
        return find_first_of_workers(trace.worker)
    return np.zeros(trace.batches, dtype=bool)


def _sum_excess(trace: BatchTrace, marks: np.ndarray) -> float:
    """Return the seconds that the training waited for stragglers beyond the typical wait."""
    waits = np.nan_to_num(trace.wait_s)
    return float(np.clip(waits[marks] - np.median(waits), 0.0, None).sum())


def _find_innocent(trace: BatchTrace) -> Iterator[int | str]:
    """Yield the indices of samples in batches that aren't slow, at most by the start of their worker."""
    if not trace.indices:
        return
    slow = find_stragglers(np.nan_to_num(trace.load_s))
    for indices, is_slow in zip(trace.indices, slow, strict=True):
        if not is_slow:
            yield from indices


def _list_slow(block: int, trace: BatchTrace, innocent: set[int | str]) -> Iterator[SlowBatch]:
    """Yield the stragglers of a trace."""
    marks = mark_stragglers(trace)
    typical_s = float(np.nanmedian(trace.load_s)) if marks.any() else 0.0
    for number in np.flatnonzero(marks):
        indices = trace.indices[number] if trace.indices else ()
        suspects = tuple(index for index in indices if index not in innocent)
        yield SlowBatch(
            block=block,
            epoch=trace.epoch,
            number=int(number),
            load_s=float(trace.load_s[number]),
            typical_s=typical_s,
            wait_s=float(trace.wait_s[number]),
            # Its loading ended after the step before it: F_k > R_(k-1) + s.
            is_own=bool(trace.ended_s[number] > trace.asked_s[number]),
            worker=int(trace.worker[number]),
            indices=suspects,
        )


def _pick_all(figures: BlockFigures) -> tuple[BatchTrace, ...]:
    """Return all traces of a block: of first epochs too, as each has other neighbours of a sample."""
    return tuple({id(trace): trace for trace in (*figures.first_traces, *figures.traces)}.values())
