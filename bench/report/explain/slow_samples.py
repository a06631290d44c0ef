"""Slow samples in words: those told from their neighbours, and batches in which one of several is slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.analysis.explanation.explanation import SlowBatch
from bench.text import format_count, join_few, join_words, printable

# A batch with at most this many suspects names them.
FEW_SUSPECTS = 4
# Batches without a sure sample that are named one by one.
MOST_BATCHES = 3


def name_slow(slow: Sequence[SlowBatch]) -> str:
    """Return the slow samples that are told apart, the most frequent first, then the other slow batches.

    A sample is told apart where it is the only suspect of a batch. It then also accounts for the other slow
    batches that it lies in. Of a few suspects in another batch any may be slow, so no single one is named.

    Args:
        slow: the slowest batches, the slowest first; not empty.
    """
    sure = {batch.indices[0] for batch in slow if len(batch.indices) == 1}
    told = Counter(index for batch in slow for index in batch.indices if index in sure)
    others = [batch for batch in slow if sure.isdisjoint(batch.indices)]
    named = []
    if told:
        noun = "sample" if len(told) == 1 else "samples"
        names = join_few(_list_names(index for index, _ in told.most_common()))
        named.append(f"{noun} {names} in {format_count(len(slow) - len(others), 'slow batch')}")
    named += [_name_batch(batch) for batch in others[:MOST_BATCHES]]
    if more := len(others[MOST_BATCHES:]):
        named.append(format_count(more, "more slow batch"))
    return join_words(named)


def _name_batch(batch: SlowBatch) -> str:
    inside = ""
    if 1 < len(batch.indices) <= FEW_SUSPECTS:
        inside = f" (one of its samples {join_words(_list_names(batch.indices))})"
    elif batch.indices:
        inside = f" ({len(batch.indices):,} samples, which explanation.json lists)"
    return f"batch {batch.number} of epoch {batch.epoch} in block {batch.block}{inside}"


def _list_names(indices: Iterable[int | str]) -> list[str]:
    return [printable(str(index)) for index in indices]
