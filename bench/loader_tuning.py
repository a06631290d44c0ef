"""Tune a DataLoader inside a training, before its first epoch: `from bench import tune_loader`."""

from __future__ import annotations

import datetime
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from bench.machine.cpu_checks import count_usable_cores
from bench.machine.interference import describe_others, read_counters
from bench.runner.in_process.conclude import REGRET, give_up
from bench.runner.in_process.fingerprint import make_key
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.interrupt import OutOfTimeError
from bench.runner.in_process.node_ranks import NodeRanks
from bench.runner.in_process.remembered import Remembered, find_place, read_remembered, write_remembered
from bench.runner.in_process.sample_look import look_at_sample
from bench.runner.in_process.settings_grid import list_settings, name_changes
from bench.runner.in_process.tune_in_process import needs_stand_in, tune_in_process
from bench.runner.in_process.tuning_order import TuningOrder
from bench.text import describe_error, format_count, format_ratio
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import copy_with, read_settings

BUDGET_S = 30.0
# Seconds that other ranks wait beyond the budget.
GRACE_S = 5.0
MakeLoader = Callable[[], DataLoader[Any]]


@dataclass(frozen=True)
class LoaderTuning:
    """Findings of a tuning inside a training.

    Attributes:
        settings: settings of the DataLoader that was returned.
        changes: those that differ from the given ones, by PyTorch's names; none if the loader is as given.
        gain: throughput over that of the given loader in fresh blocks: median, low and high end of its 95%
            interval; None if the loader is as given.
        summary: the line that says all of it.
        seconds: time that this call took.
        remembered: day of the tuning if it was made in an earlier run, such as `2026-11-27`; else empty.
        is_told: whether another rank of this machine has found it, which tells it.
    """

    settings: DataLoaderSettings
    changes: Mapping[str, Any]
    gain: tuple[float, float, float] | None
    summary: str
    seconds: float
    remembered: str = ""
    is_told: bool = False


def tune_loader(
    make_loader: MakeLoader | DataLoader[Any],
    budget_s: float = BUDGET_S,
    *,
    step: Callable[[Any], object] | None = None,
    knobs: Mapping[str, Sequence[Any]] | None = None,
    cache: bool = True,
    verbose: bool = True,
) -> DataLoader[Any]:
    """Return a DataLoader over the same dataset with the best settings, before the first epoch.

        loader = tune_loader(make_loader, budget_s=30, step=lambda batch: loss(model(batch)).backward())

    It is the loader as given unless fresh measurements show that another setting is faster. Random numbers,
    and so the batches of the training, stay as they would be without this call.

    Args:
        make_loader: function that returns the DataLoader, or the DataLoader itself, not iterated yet.
        budget_s: seconds that the call may take, beside those of `make_loader`; default 30.
        step: takes a batch as the training does, forward and backward, and should leave the model as it is:
            no `optimizer.step()`. Default None: without an accelerator, a step on the CPU that takes as long
            as loading stands for it; else the loading alone is measured.
        knobs: the only values to try of some settings, such as `{"num_workers": [0, 2, 4]}`; default None.
        cache: whether the result is remembered, and an earlier one used; default True.
        verbose: whether a line on standard error tells the result; default True.

    Raises:
        TypeError: `make_loader` is no DataLoader and returns none, or another argument is of another kind.
        ValueError: the budget isn't positive, there is no such knob, or it takes no such value.
    """
    loader, tuning = tune_loader_with_report(make_loader, budget_s, step=step, knobs=knobs, cache=cache)
    if verbose and tuning.summary and not tuning.is_told:
        sys.stderr.write(f"loaderbench: {tuning.summary}\n")
    return loader


def tune_loader_with_report(
    make_loader: MakeLoader | DataLoader[Any],
    budget_s: float = BUDGET_S,
    *,
    step: Callable[[Any], object] | None = None,
    knobs: Mapping[str, Sequence[Any]] | None = None,
    cache: bool = True,
) -> tuple[DataLoader[Any], LoaderTuning]:
    """Do the same as `tune_loader`, print nothing, and return what was found beside the loader."""
    began_s = time.monotonic()
    _check(make_loader, budget_s, step)
    loader = make_loader if isinstance(make_loader, DataLoader) else make_loader()
    if not isinstance(loader, DataLoader):
        raise TypeError(f"make_loader returned {type(loader).__name__}, expected a torch DataLoader")
    # The training needs the time until here in any case.
    budget = Budget(budget_s, time.monotonic())
    ranks = NodeRanks.find(os.environ)
    order = TuningOrder(budget, max(1, int(count_usable_cores() // ranks.size)), step, knobs)
    # Bad values are told before anything is waited for.
    list_settings(loader, order.cores, knobs, has_step=step is not None)
    if _is_starting_worker():
        # A worker that isn't forked runs the script again, up to its own start.
        return loader, LoaderTuning(read_settings(loader), {}, None, "", 0.0)
    call, answer = ranks.count_call(), None
    if ranks.rank:
        # The first one may take longer for its loader.
        answer = ranks.wait(call, 2 * budget.began_s - began_s + budget.seconds + GRACE_S)
        result, day = answer or give_up(order, "the first rank of this machine has given no answer"), ""
    else:
        result, day = _find_result(loader, order, ranks, call, cache=cache)
    settings = replace(read_settings(loader), **result.settings)
    found = copy_with(loader, settings) if result.settings else loader
    seconds = time.monotonic() - began_s
    summary = _describe(result, day, order, cache=cache)
    is_told = answer is not None
    return found, LoaderTuning(settings, result.settings, result.gain, summary, seconds, day, is_told)


def _find_result(
    loader: DataLoader[Any], order: TuningOrder, ranks: NodeRanks, call: int, *, cache: bool
) -> tuple[Remembered, str]:
    """Return the result of a tuning, and its day if it was made in an earlier run; else an empty text."""
    result, day = None, ""
    try:
        look = look_at_sample(loader, order.budget.give_up_s)
        order = replace(order, leaves_open=look.leaves_open)
        place = _find_place(loader, order, ranks, look.form) if cache else None
        result = None if place is None else read_remembered(place)
        if result is not None and result.holds_on(datetime.date.today()):
            day = result.date
        else:
            with ranks.hold_cores():
                before = read_counters()
                result = tune_in_process(loader, order)
                result = replace(result, disturbed=describe_others(before, read_counters()))
            if place is not None and result.is_worth_keeping:
                write_remembered(place, result)
    except OutOfTimeError:
        result = give_up(order, f"its first sample takes longer than {order.budget.seconds:g} s, or hangs")
    # The training goes on with what it has, whatever a user's classes raise.
    except Exception as error:
        result = give_up(order, describe_error(error))
    finally:
        ranks.answer(call, result or give_up(order, "the first rank of this machine has failed"))
    return result, day


def _find_place(loader: DataLoader[Any], order: TuningOrder, ranks: NodeRanks, sample: str) -> Path | None:
    """Return the file in which the result is remembered; None for a user who has no home."""
    key = make_key(loader, order.cores, order.knobs, step=order.step, ranks=ranks.size, sample=sample)
    try:
        return find_place(key)
    except RuntimeError:
        return None


def _check(make_loader: object, budget_s: object, step: object) -> None:
    """Check the arguments that a DataLoader doesn't need.

    Raises:
        TypeError: one is of another kind.
        ValueError: the budget isn't positive.
    """
    if not isinstance(make_loader, DataLoader) and not callable(make_loader):
        kind = type(make_loader).__name__
        raise TypeError(f"make_loader is {kind}, expected a DataLoader or a function that returns one")
    if not isinstance(budget_s, Real):
        raise TypeError(f"budget_s is {budget_s!r}, expected seconds above 0")
    if not 0 < float(budget_s) < math.inf:
        raise ValueError(f"budget_s is {budget_s!r}, expected seconds above 0")
    if step is not None and not callable(step):
        raise TypeError(f"step is {type(step).__name__}, expected a function that takes a batch")


def _is_starting_worker() -> bool:
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


def _describe(result: Remembered, day: str, order: TuningOrder, *, cache: bool) -> str:
    """Return the result in one line."""
    made = f"remembered from {day}" if day else f"found in {result.seconds:.0f} s"
    if result.disturbed:
        made += f" while {result.disturbed}{', so it is not remembered' if cache else ''}"
    if result.gain is not None:
        median, low, high = map(format_ratio, result.gain)
        beside = " beside a step on the CPU that takes as long (step= takes yours)"
        where = beside if needs_stand_in(order.step) else ""
        changes = name_changes(result.settings)
        return f"{changes}: {median} times as fast as given ({low} to {high}){where}, {made}"
    if result.reason:
        # An open file, or a loader without another setting, has nothing to do with a busy machine.
        disturbed = f"; {result.disturbed}" if result.disturbed and result.lacks_time else ""
        return f"the loader stays as given: {result.reason}{disturbed}"
    tried = format_count(result.tried, "setting")
    return f"the loader stays as given: the fastest of {tried} is at most {REGRET:.0%} faster, {made}"
