"""Promise: the order in which a tuning looks at configurations where it has little time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.plan.axes import SpaceFacts
from bench.plan.configuration import Configuration
from bench.plan.worker_knobs import OF_WORKERS, reset_worker_knobs
from bench.runner.epoch_cut import count_workers
from bench.runner.first_look import FirstLook

# Share of an epoch from which its start, or its waits for data, is what matters most.
MATTERS = 0.1
# So many numbers of workers come before any other setting.
FIRST_COUNTS = 3
WORKERS, PERSISTENT, FAMILY = "num_workers", "persistent_workers", "family"


def order_by_promise(
    configurations: Sequence[Configuration], look: FirstLook, batches: int | None, facts: SpaceFacts
) -> tuple[Configuration, ...]:
    """Return configurations in the order in which they are worth a trial, by a first look at the present one.

    Other numbers of workers come first, as nothing else usually matters as much: none where their start takes
    much of an epoch, and then the present number that stays between epochs; as many as there are cores where
    the loop waits for data, or many more where the loading itself waits. Changes of one other setting come
    next, and of several last.

    Args:
        configurations: the present configuration, which stays the first, and the others.
        look: short epoch of the present configuration.
        batches: number of batches of an epoch of the training; None where it isn't known.
        facts: facts of the machine and of the loading.
    """
    present, *others = configurations
    now = count_workers(present)
    starts = now > 0 and look.find_start_share(batches) >= MATTERS
    wait_share = look.find_wait_share()
    waits = not starts and (wait_share is None or wait_share >= MATTERS)
    alike = (one for one in others if one.spec.family == present.spec.family)
    counts = _order_counts({count_workers(one) for one in alike} - {now}, facts, waits=waits)

    def find_place(one: Configuration) -> tuple[int, int]:
        changes = _list_changes(present, one)
        if changes == {WORKERS} and count_workers(one) in counts[:FIRST_COUNTS]:
            # Workers that stay are worth a trial after none at all.
            return 0, 2 * counts.index(count_workers(one))
        if starts and changes == {PERSISTENT}:
            return 0, 1
        # Another loader may not have to wait at all, but its data have to be made ready.
        return len(changes), 0 if waits and changes == {FAMILY} else 1

    return (present, *sorted(others, key=find_place))


def _order_counts(counts: Iterable[int], facts: SpaceFacts, *, waits: bool) -> list[int]:
    """Return other numbers of workers than the present one, the most promising first.

    Args:
        counts: the numbers.
        facts: facts of the machine and of the loading.
        waits: whether the loop waits for data.
    """
    ordered = sorted(counts)
    some = [count for count in ordered if count]
    if not waits or not some:
        return ordered
    wanted = max(some) if facts.waits else facts.whole_cores
    nearest, *others = sorted(some, key=lambda count: abs(math.log(count / wanted)))
    # Handing small batches over may take longer than loading them.
    return [nearest, *(count for count in ordered if not count), *others]


def _list_changes(present: Configuration, other: Configuration) -> set[str]:
    """Return the settings in which a configuration differs. Those that follow from another don't count."""
    before, after = present.cells(), other.cells()
    if not count_workers(present):
        # The settings of workers that it has none of are those that PyTorch takes.
        spec = other.spec.with_knobs(reset_worker_knobs(other.spec))
        usual = replace(other, spec=spec.resolve(cuda=other.device == "cuda")).cells()
        before.update({name: usual[name] for name in OF_WORKERS if name in usual})
    names = {name for name in (*before, *after) if before.get(name, "") != after.get(name, "")}
    if FAMILY in names:
        return names & {FAMILY, "num_threads", "cuda_graph"}
    return names if count_workers(other) else names - set(OF_WORKERS)
