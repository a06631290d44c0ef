"""TrialEpoch: a cut epoch of a DataLoader in this process, extrapolated to a whole one."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from bench.runner.in_process.bounded_waits import BoundedWaits
from bench.runner.in_process.interrupt import OutOfTimeError, interrupt_at
from bench.runner.in_process.loader_copies import CutSampler, close_iterator, end_half_made
from bench.runner.in_process.opened_handles import put_back_handles
from loaders.data.nested_batch import count_bytes, count_samples

Step = Callable[[Any], object]
# Seconds that workers get to end by themselves, as PyTorch gives them.
PATIENCE_S = 5.0


class NoBatchError(ValueError):
    """An epoch that delivers no batch."""


@dataclass(frozen=True)
class EpochLimits:
    """Limits of a cut epoch.

    Attributes:
        batches: number of batches after which it ends.
        until_s: reading of time.monotonic after which no batch is begun.
        cap_s: seconds after which it ends as far slower than others; default None.
        give_up_s: reading of time.monotonic at which a batch or a step that is still running is given up;
            default never.
        end_s: reading of time.monotonic at which workers that are still running are killed; default never.
    """

    batches: int
    until_s: float
    cap_s: float | None = None
    give_up_s: float = math.inf
    end_s: float = math.inf


@dataclass(frozen=True)
class TrialEpoch:
    """A cut epoch of a DataLoader.

    Attributes:
        startup_s: seconds from the request for an iterator to the end of the first batch's step.
        steady_s: seconds a batch in the second half.
        batches: number of batches.
        samples: number of their samples.
        total_s: seconds from the request for an iterator to the end of the last batch's step.
        batch_bytes: bytes of the first batch.
        has_ended: whether the loader delivers no more.
        is_late: whether it was ended by the deadline.
        is_slow: whether it was ended as far slower than others.
    """

    startup_s: float
    steady_s: float
    batches: int
    samples: int
    total_s: float
    batch_bytes: int
    has_ended: bool = False
    is_late: bool = False
    is_slow: bool = False

    def extrapolate(self, batches: int | None) -> float:
        """Return the samples a second of a whole epoch: its start, and as many batches at a steady rate.

        Args:
            batches: number of batches of the whole epoch; None where it isn't known, so that its start isn't
                counted.
        """
        if self.has_ended or self.batches == batches:
            return self.samples / self.total_s
        size = self.samples / self.batches
        if batches is None:
            return size / self.steady_s
        return size * batches / (self.startup_s + (batches - 1) * self.steady_s)


def run_epoch(loader: DataLoader[Any], cut: CutSampler, step: Step, limits: EpochLimits) -> TrialEpoch:
    """Iterate a DataLoader, give each batch to the step, and end its workers.

    Persistent workers start once in a training. So they start before, in an epoch of one batch each.

    Args:
        loader: the DataLoader.
        cut: its sampler.
        step: takes each batch.
        limits: say where the epoch ends.

    Raises:
        NoBatchError: the loader delivers no batch.
        OutOfTimeError: the time was over before the first timed batch, or a batch or a step was given up.
        Exception: what the dataset or the step has raised.
    """
    waits = BoundedWaits(loader, limits.give_up_s)
    patience_s = PATIENCE_S
    try:
        with put_back_handles((loader.dataset, loader.collate_fn)), interrupt_at(limits.give_up_s):
            if loader.persistent_workers:
                cut.most = loader.num_workers
                for _ in waits.iterate():
                    if time.monotonic() > limits.until_s:
                        raise OutOfTimeError
                cut.most = None
            began_s = time.perf_counter()
            return _time_batches(waits.iterate(), began_s, step, limits, max(1, loader.num_workers))
    except OutOfTimeError:
        # A worker that hangs doesn't end by itself.
        patience_s = 0.0
        raise
    finally:
        end_half_made(waits.half_made)
        close_iterator(loader, waits.iterator, min(limits.end_s, time.monotonic() + patience_s))


def _time_batches(
    batches: Iterator[Any], began_s: float, step: Step, limits: EpochLimits, turn: int
) -> TrialEpoch:
    """Take batches until the epoch ends.

    Args:
        batches: yields the batches of an epoch.
        began_s: reading of time.perf_counter at the request for it.
        step: takes each batch.
        limits: say where the epoch ends.
        turn: number of workers. They deliver in turn, so whole turns are timed.
    """
    ends_s: list[float] = []
    samples = batch_bytes = 0
    is_late = is_slow = False
    for batch in itertools.islice(batches, limits.batches):
        step(batch)
        batch_bytes = batch_bytes or count_bytes(batch)
        # A batch of none, such as a single number, counts as one: batches are compared with batches.
        samples += max(1, count_samples(batch))
        if len(ends_s) in (0, limits.batches - 1 - _count_tail(limits.batches, turn), limits.batches - 1):
            _wait_for_device()
        ends_s.append(time.perf_counter())
        is_late = time.monotonic() > limits.until_s
        is_slow = limits.cap_s is not None and ends_s[-1] - began_s > limits.cap_s
        if is_late or is_slow:
            break
    if not ends_s:
        raise NoBatchError("the loader delivers no batch")
    count = len(ends_s)
    tail = _count_tail(count, turn)
    steady_s = (ends_s[-1] - ends_s[-1 - tail]) / tail if tail else ends_s[-1] - began_s
    has_ended = count < limits.batches and not (is_late or is_slow)
    total_s = ends_s[-1] - began_s
    is_slow = is_slow and count < limits.batches
    startup_s = ends_s[0] - began_s
    return TrialEpoch(startup_s, steady_s, count, samples, total_s, batch_bytes, has_ended, is_late, is_slow)


def _count_tail(batches: int, turn: int) -> int:
    """Return the number of batches at the end that tell the steady rate, in whole turns if there is one."""
    half = batches // 2
    return min(batches - 1, half // turn * turn or half)


def _wait_for_device() -> None:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
