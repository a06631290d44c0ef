"""WorkerCount: a better number of workers, and what it saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.analysis.explanation.facts import Facts
from bench.analysis.replay.change import START_UP

# The loading is hidden where an epoch is at most this much longer than one that never waits for it. A ceiling
# counts as reached from 95% on, and predictions may err by as much again.
HIDDEN = 1.10
# Between these, an epoch that is predicted may lie on either side of the border.
SURELY_HIDDEN, SURELY_NOT_HIDDEN = 1.07, 1.20
# Numbers of workers are tried one by one up to here; larger ones by a quarter at a time.
EACH_UP_TO = 8
# Threads of the step waste CPU time where an epoch needs this share more of it than its parts alone. Below,
# caches that are shared and switches between processes explain it.
WASTED = 0.15


@dataclass(frozen=True)
class WorkerCount:
    """A better number of workers.

    Attributes:
        num_workers: the number; None where it is the threads of the step that are too many.
        share: share of a whole epoch that it saves.
    """

    num_workers: int | None
    share: float


def list_numbers(first: int, last: int) -> list[int]:
    """Return numbers of workers to try, ascending, both ends included."""
    numbers = []
    number = first
    while number < last:
        numbers.append(number)
        number = number + 1 if number < EACH_UP_TO else math.ceil(number * 1.25)
    return [*numbers, last] if first <= last else []


def find_enough_workers(facts: Facts, longest: float = HIDDEN) -> WorkerCount | None:
    """Return the smallest larger number of workers that hides the loading behind the step; None for none.

    It has one more worker, or at most as many as there are cores. Their start doesn't count against hiding,
    as a start-up is a cause of its own, nor does the loading of the first batch, which nothing can hide.

    Args:
        facts: means of what was measured.
        longest: longest epoch in which the loading counts as hidden, over one that never waits for it.
    """
    setup = facts.setup
    if not setup.has_dataloader or not facts.has_step or facts.loading_s <= 0:
        return None
    middle = facts.find_share(facts.steady_s - facts.loading_s - facts.contention_s)
    hidden = longest * middle + facts.load_s / facts.epoch_s
    most = max(setup.num_workers + 1, int(setup.cores))
    for number in list_numbers(setup.num_workers + 1, most):
        saving = facts.find_saving(num_workers=number)
        without_start = facts.find_saving(num_workers=number, without={START_UP})
        if saving is None or without_start is None:
            saving = _bound_saving(facts, number)
            start = (facts.start_s + facts.teardown_s) / facts.epoch_s
            without_start = None if saving is None else saving + start
            if saving is not None:
                # The step is no faster beside more workers.
                saving = min(saving, facts.find_share(facts.loading_s))
        if saving is not None and saving > 0 and without_start is not None and 1 - without_start <= hidden:
            return WorkerCount(number, saving)
    return None


def is_number_of_workers_clear(facts: Facts) -> bool:
    """Return True if predictions tell for sure whether more workers would hide the loading."""
    return (find_enough_workers(facts, SURELY_HIDDEN) is None) == (
        find_enough_workers(facts, SURELY_NOT_HIDDEN) is None
    )


def find_fewer_workers(facts: Facts) -> WorkerCount | None:
    """Return a smaller number of workers that is faster, or fewer threads of the step; None for neither.

    Loading in the training process is left out: it is another way of loading, and an advice of its own.
    """
    savings = {
        number: saving
        for number in list_numbers(1, facts.setup.num_workers - 1)
        if (saving := facts.find_saving(num_workers=number)) is not None and saving > 0
    }
    if not facts.setup.num_workers:
        return None
    tried = (facts.find_saving(num_threads=number) for number in facts.predictor.tried_threads)
    wasted = max([find_wasted_share(facts), *(saving for saving in tried if saving is not None)])
    if wasted > max(savings.values(), default=0.0):
        return WorkerCount(None, wasted)
    best = max(savings, key=lambda number: savings[number], default=None)
    return None if best is None else WorkerCount(best, savings[best])


def find_wasted_share(facts: Facts) -> float:
    """Return the share of an epoch that threads of the step lose, which wait for each other on busy cores.

    The step is slower than alone by more than fair sharing explains: the process tree uses more CPU time than
    the loading and the step alone do.
    """
    setup = facts.setup
    used_s = facts.find_mean(lambda one: None if one.cpu_s is None else one.cpu_s / one.batches)
    alone_s = facts.find_mean(lambda one: one.alone_cpu_s)
    step_cores = facts.step_cores
    if setup.num_threads < 2 or not setup.num_workers or not used_s or step_cores is None:
        return 0.0
    if facts.cpu_s is None or alone_s is None or facts.idle_share is None:
        return 0.0
    busy_cores = setup.num_workers * (1 - facts.idle_share) + step_cores
    wasted = 1 - (facts.cpu_s + alone_s) / used_s
    if busy_cores <= setup.cores or wasted < WASTED:
        return 0.0
    return min(facts.find_share(facts.contention_s), wasted)


def _bound_saving(facts: Facts, number: int) -> float | None:
    """Return the most that some workers can save, where no replay can be trusted.

    It is the difference of two bounds, that of the present workers and that of the others. Waiting that the
    bound of the present workers doesn't explain, such as that of workers which crowd the cores, isn't saved.
    """
    if not facts.load_s:
        return None
    now = facts.setup.num_workers
    now_s = _bound_batch_s(facts, now) if now else facts.steady_s
    return facts.find_share(now_s - _bound_batch_s(facts, number))


def _bound_batch_s(facts: Facts, number: int) -> float:
    """Return the least seconds of a batch with some workers.

    The slowest of three bounds remains: the epoch that never waits for the loading, the loading divided among
    the workers, and the CPU time of both divided among the cores.
    """
    waits_s = facts.loading_s + facts.contention_s
    cpu_s = facts.load_s if facts.cpu_s is None else facts.cpu_s
    step_cpu_s = facts.step_s * (facts.step_cores or 0.0)
    return max(
        facts.steady_s - waits_s, facts.load_s / number, (cpu_s + step_cpu_s) / max(1.0, facts.setup.cores)
    )
