"""Worker seeds: find out whether random transforms repeat, because workers share random numbers.

PyTorch seeds the global generators of each worker. A generator that the dataset holds is copied to all of
them, and again in each epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, Literal

from torch.utils.data import DataLoader

from bench.workloads.audit.batch_difference import copy_leaves, find_difference
from bench.workloads.audit.reference_batches import ReferenceBatches

Repeats = Literal["", "workers", "epochs", "workers and epochs"]

# Two workers load the same sample so many times each.
WORKERS = 2
DRAWS = 12
# Equal sequences are no coincidence where chance makes them once in so many cases.
RARE = 1e-3
# Both epochs are run only where a sample takes less than this.
LONGEST_SAMPLE_S = 0.2
FACTS = {
    "workers": "all workers draw the same random numbers. Each copies a generator that the dataset holds",
    "epochs": "each epoch draws the same random numbers. Workers copy a generator that the dataset holds",
    "workers and epochs": (
        "all workers draw the same random numbers, in each epoch again. Each copies a generator that the "
        "dataset holds"
    ),
}


def find_repeats(loader: DataLoader[Any], clock: Callable[[], float] = time.perf_counter) -> Repeats:
    """Find out whether the workers of a DataLoader draw the same random numbers.

    Two workers load one sample again and again, in two epochs.

    Args:
        loader: a DataLoader over a map-style dataset whose samples vary from call to call.
        clock: tells the time in seconds.

    Returns:
        Where the random numbers are the same; empty where nowhere, or where that can't be told.
    """
    asked = next(iter(loader.sampler if loader.batch_sampler is None else loader.batch_sampler), None)
    if asked is None:
        return ""
    one = [asked[0]] if isinstance(asked, list) else asked
    began_s = clock()
    ReferenceBatches(loader, workers=0).load([one])
    if clock() - began_s > LONGEST_SAMPLE_S:
        return ""
    reference = ReferenceBatches(loader, workers=WORKERS)
    first, second = (
        [copy_leaves(batch) for batch in reference.load([one] * (WORKERS * DRAWS))] for _ in range(2)
    )
    # Batches come from the workers in turn.
    mine, other, later = first[::WORKERS], first[1::WORKERS], second[::WORKERS]
    if _find_chance(mine) > RARE:
        return ""
    workers, epochs = _are_equal(mine, other), _are_equal(mine, later)
    if workers and epochs:
        return "workers and epochs"
    return "workers" if workers else "epochs" if epochs else ""


def describe_repeats(repeats: Repeats) -> str:
    """Return a notice of random numbers that are the same, with the cure."""
    if not repeats:
        return ""
    return f"Random transforms repeat: {FACTS[repeats]}: seed it by torch.initial_seed() in worker_init_fn."


def _are_equal(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return not any(find_difference(a, b) for a, b in zip(one, other, strict=True))


def _find_chance(draws: Sequence[Any]) -> float:
    """Return the probability that other draws are the same, from how often two of these are equal."""
    pairs = list(combinations(draws, 2))
    equal = sum(not find_difference(one, other) for one, other in pairs)
    return float((equal / len(pairs)) ** len(draws))
