"""Axes of a search space: the values of each knob that a tuning tries where none are given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.plan.configuration import Configuration
from bench.plan.step_length import computes_nothing
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Value
from loaders.spec.own_loader_spec import OwnLoaderSpec

# Up to so many cores each number of workers is tried, and that many steps lead to a larger one.
EACH_UP_TO, STEPS = 6, 6
# Loading that waits for at least this share of its time is worth more workers than there are cores.
WAITING = 0.3
# The most workers are then so many times the cores, and at least this number.
MOST_TIMES_CORES, MOST_WORKERS = 4, 16
# The most that the option takes.
MOST_OF_ALL = 256
# Threads of a ring beside the training thread. More gain little, since memory is the limit.
RING_THREADS, RING_THREADS_BESIDE_CUDA = (0, 1, 2), (0, 1, 2, 4)
# Knobs that change the training, how long a batch is valid, or the state of the machine. They are varied only
# when asked for.
KEPT = ("batch_size", "resize", "in_order", "shuffle_buffer", "copy", "page_cache")
ON_CUDA = ("pin_memory", "transfer", "scale_on")
# Knobs of the queue and of its workers. They load faster, and leave the step as it is.
LOADING = ("prefetch_factor", "persistent_workers", "multiprocessing_context")


@dataclass(frozen=True)
class SpaceFacts:
    """Facts that decide which values are worth trying.

    Attributes:
        cores: cores that the processes may use.
        cuda: whether there is a CUDA device.
        num_threads: threads that torch takes by default.
        waiting: share of the loading's time in which it waits and computes nothing; None where it isn't
            known; default None.
        hidden_gain: by how much faster loading gains at most, as a share, where the step hides so much of it
            that this isn't worth a trial; default None where it is, or where that isn't known.
    """

    cores: float
    cuda: bool
    num_threads: int
    waiting: float | None = None
    hidden_gain: float | None = None

    @property
    def whole_cores(self) -> int:
        """Number of cores, at least one."""
        return max(1, math.ceil(self.cores))

    @property
    def waits(self) -> bool:
        """True if the loading is known to wait rather than to compute."""
        return self.waiting is not None and self.waiting >= WAITING


def list_axes(spec: KnobSet, facts: SpaceFacts, *, cuda: bool) -> dict[str, tuple[Value, ...]]:
    """Return the values of each knob of a loader that are worth trying, its own value first.

    Where the step hides the loading, these are no values that only load faster. Fewer workers leave more of
    the cores to the step.

    Args:
        spec: the loader.
        facts: facts of the machine and of the loading.
        cuda: whether its batches go to a CUDA device.
    """
    own = spec.resolve(cuda=cuda).knobs()
    axes: dict[str, tuple[Value, ...]] = {}
    for name, knob in spec.declared_knobs().items():
        if name in KEPT or (name in ON_CUDA and not cuda):
            continue
        now = own[name]
        if facts.hidden_gain is not None and name in LOADING:
            axes[name] = (now,)
        elif name == "num_workers":
            axes[name] = tuple(list_worker_counts(int(now or 0), facts))
        elif name == "prefetch_factor":
            axes[name] = (now or 2, 2, 4, *((8,) if facts.waits else ()))
        elif name == "persistent_workers":
            axes[name] = (bool(now), False, True)
        elif name == "multiprocessing_context":
            # A forked process can't use CUDA that its parent has used.
            axes[name] = (now, *(() if cuda else ("fork",)))
        elif name == "pin_memory":
            axes[name] = (now, True, False)
        elif name == "transfer":
            # The memory decides between the other two.
            is_script = isinstance(spec, OwnLoaderSpec) and spec.facts.kind == "script"
            axes[name] = (None,) if is_script else (None, "prefetch")
        elif name == "loader_threads":
            numbers = RING_THREADS_BESIDE_CUDA if cuda else RING_THREADS
            axes[name] = tuple(number for number in numbers if number <= facts.whole_cores)
        elif name == "prefetch_batches":
            axes[name] = (now, 2, 4)
        else:
            axes[name] = (spec.knobs()[name], *knob.quick)
    return {name: tuple(dict.fromkeys(values)) for name, values in axes.items()}


def list_worker_counts(present: int, facts: SpaceFacts) -> list[int]:
    """Return numbers of workers to try, ascending: fewer than now, up to the cores, and beyond for waiting.

    Where the step hides the loading, more than now gain nothing.

    Args:
        present: the number that there is.
        facts: facts of the machine and of the loading.
    """
    cores = facts.whole_cores
    numbers = {0, present, max(0, present - 1)}
    if cores <= EACH_UP_TO:
        numbers.update(range(1, cores + 1))
    else:
        numbers.update(round(cores ** (step / STEPS)) for step in range(STEPS + 1))
    if facts.waits:
        most = min(max(MOST_TIMES_CORES * cores, MOST_WORKERS), MOST_OF_ALL)
        number = 2 * cores
        while number < most:
            numbers.add(number)
            number *= 2
        numbers.add(most)
    if facts.hidden_gain is not None:
        numbers = {number for number in numbers if number <= present}
    return sorted(numbers)


def list_thread_counts(present: Configuration, facts: SpaceFacts) -> tuple[int, ...]:
    """Return numbers of torch's threads to try. They matter where a step trains on the CPU.

    Args:
        present: the configuration that the user has.
        facts: facts of the machine and of the loading.
    """
    now, cores = present.num_threads, facts.whole_cores
    if present.device == "cuda" or computes_nothing(present.step):
        return (now,)
    return tuple(dict.fromkeys((now, 1, max(1, cores // 2), max(1, cores - 1))))


def sort_values(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a knob as text without repetitions: numbers ascending, else in their order.

    Args:
        texts: the values.
    """
    known = list(dict.fromkeys(texts))
    return tuple(sorted(known, key=int)) if all(text.isdigit() for text in known) else tuple(known)
