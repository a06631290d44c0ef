"""Tune a DataLoader in the process that trains, before its first epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import IOBase
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.analysis.tuning.confirming import FEWEST
from bench.analysis.tuning.outcome import Outcome, Verdict
from bench.analysis.tuning.tuner import Tuner, TunerOptions
from bench.machine.feasibility import MEMORY, SHARED_MEMORY, find_limits
from bench.machine.requirements import FORKED_BYTES, LoaderSettings, count_waiting_batches
from bench.runner.in_process.held_objects import list_held
from bench.runner.in_process.in_process_lab import (
    FEWEST_BATCHES,
    NEEDS_GUARD,
    Budget,
    InProcessLab,
    describe_failure,
)
from bench.runner.in_process.interrupt import OutOfTimeError, interrupt_at
from bench.runner.in_process.loader_copies import LoaderCopies, keeps_iterator, wraps_loader
from bench.runner.in_process.lone_step import WaitingStepError, refuse_waiting_models
from bench.runner.in_process.opened_handles import holds_open_file
from bench.runner.in_process.random_states import keep_random_states
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.settings_grid import find_changes, find_cost, list_settings, thin_out
from bench.runner.in_process.stand_in_step import StandInStep
from bench.runner.in_process.start_method import find_start_method, keep_start_method, runs_whole_script
from bench.runner.in_process.trial_epoch import EpochPlan, NoBatchError, Step, TrialEpoch, run_epoch
from bench.text import describe_error
from loaders.spec.source_facts import DataLoaderSettings

# Above so many settings, a screen comes before the race. It keeps as many.
RACED = 8
# Share of the budget that a pilot may take, and its batches at most.
PILOT_SHARE, PILOT_BATCHES = 0.05, 16
# Share of the budget in which each setting could be tried so many times.
TRIED_SHARE, TRIED_TIMES = 0.5, 2
# Why a loader, or its number of workers, stays as given.
HOLDS_FILE = "its dataset or collate function holds an open file or connection, which workers would share"
LEAVES_OPEN = "reading a sample leaves a file, a connection or a thread open, which workers would share"
LOSES_SAMPLES = "its iterable dataset holds an iterator or an open file, whose samples trials would take"


@dataclass(frozen=True)
class TuningOrder:
    """Order of a tuning inside a training.

    Attributes:
        budget: its time.
        cores: cores that this process may use.
        step: takes each batch, as the training does; None for a training that isn't known.
        knobs: the only values to try of some settings; None for the usual ones of all.
        leaves_open: whether reading a sample leaves a file, a connection or a thread in its process.
    """

    budget: Budget
    cores: int
    step: Step | None = None
    knobs: Mapping[str, Sequence[Any]] | None = None
    leaves_open: bool = False


def tune_in_process(loader: DataLoader[Any], order: TuningOrder) -> Remembered:
    """Find the best settings of a DataLoader. The loader and all random states stay as they are.

    Args:
        loader: the user's DataLoader.
        order: what is asked for.

    Raises:
        ValueError: there is no such setting, or it takes no such value.
    """
    settings = list_settings(loader, order.cores, order.knobs, has_step=order.step is not None)
    settings, reason = _leave_out(settings, loader, order)
    if len(settings) == 1:
        return give_up(order, f"there is nothing to vary: {reason or _explain_nothing(loader, order)}")
    if keeps_iterator(loader):
        return give_up(order, "its class keeps an iterator, which the training is to go on with")
    if wraps_loader(loader):
        return give_up(order, "its class holds another DataLoader, which is the one to tune")
    if _would_lose_samples(loader, order):
        return give_up(order, LOSES_SAMPLES)
    try:
        with interrupt_at(order.budget.give_up_s):
            copies = LoaderCopies(loader)
    except OutOfTimeError:
        return give_up(order, f"to copy its sampler takes longer than {order.budget.seconds:g} s")
    # A user's sampler may raise anything.
    except Exception as error:
        return give_up(order, f"its sampler can't be copied: {describe_error(error)}")
    holders = (loader.dataset, loader.collate_fn, loader.sampler, loader.batch_sampler)
    with keep_random_states(*holders), keep_start_method(), warnings.catch_warnings():
        # The training gives its warnings itself.
        warnings.simplefilter("ignore")
        try:
            with refuse_waiting_models():
                step, pilot = _run_pilots(copies, settings[0], order)
        except OutOfTimeError:
            return give_up(order, f"a batch or a step takes longer than {order.budget.seconds:g} s, or hangs")
        except (NoBatchError, WaitingStepError) as error:
            return give_up(order, str(error))
        # So may a dataset or a step.
        except Exception as error:
            return give_up(order, describe_failure(error, settings[0]))
        settings = [settings[0], *(one for one in settings[1:] if _fits(one, pilot.batch_bytes))]
        if len(settings) == 1:
            return give_up(order, "other settings don't fit into the free memory or /dev/shm")
        if FEWEST * FEWEST_BATCHES * pilot.steady_s > order.budget.find_left_s():
            # Fresh blocks would have no time, whatever is raced.
            return give_up(order, _explain_shortness(order))
        trial_s = InProcessLab(copies, settings, step, order.budget, pilot).estimate_s("race", 0)
        settings = thin_out(settings, int(TRIED_SHARE * order.budget.seconds / (TRIED_TIMES * trial_s)))
        lab = InProcessLab(copies, settings, step, order.budget, pilot)
        costs = [find_cost(one) for one in settings]
        outcome = Tuner(lab, costs, TunerOptions(screen_above=RACED, survivors=RACED)).run()
    return _conclude(settings, outcome, order, lab.problems)


def needs_stand_in(step: Step | None) -> bool:
    """Return whether a step on the CPU stands for the training's: without a step and without an accelerator.

    Workers would take the cores of a training on the CPU, which loading alone doesn't show.
    """
    return step is None and not torch.accelerator.is_available()


def _leave_out(
    settings: Sequence[DataLoaderSettings], loader: DataLoader[Any], order: TuningOrder
) -> tuple[list[DataLoaderSettings], str]:
    """Return the settings whose trials do no harm, and why others are left out; an empty text if none is.

    The present settings stay: the training has the harm already that they do.
    """
    present, *others = settings
    reason = ""
    if order.leaves_open and present.num_workers and not _names_workers(order):
        # This process would open them, and the training's workers share them.
        others = [one for one in others if one.num_workers]
        reason = LEAVES_OPEN
    if not present.num_workers and not _names_workers(order):
        if holds_open_file((loader.dataset, loader.collate_fn)):
            reason = HOLDS_FILE
        elif order.leaves_open:
            reason = LEAVES_OPEN
        others = [one for one in others if not (reason and one.num_workers)]
    if not present.num_workers and runs_whole_script():
        safe = [one for one in others if not one.num_workers or find_start_method(one) == "fork"]
        reason = reason or (NEEDS_GUARD if len(safe) < len(others) else "")
        others = safe
    return [present, *others], reason


def _names_workers(order: TuningOrder) -> bool:
    """Return whether the user says which numbers of workers the dataset can take."""
    return "num_workers" in (order.knobs or {})


def _would_lose_samples(loader: DataLoader[Any], order: TuningOrder) -> bool:
    """Return whether trials take samples that the training lacks afterwards.

    An iterator gives each sample once, and an open file has one position for all forked processes.
    """
    if not isinstance(loader.dataset, IterableDataset):
        return False
    if any(isinstance(one, Iterator) for one in list_held(loader.dataset) if not isinstance(one, IOBase)):
        return True
    return holds_open_file(loader.dataset) and not _names_workers(order)


def _explain_nothing(loader: DataLoader[Any], order: TuningOrder) -> str:
    if isinstance(loader.dataset, IterableDataset) and not _names_workers(order):
        return "an iterable dataset keeps its number of workers"
    return "knobs names only what it has"


def _run_pilots(
    copies: LoaderCopies, settings: DataLoaderSettings, order: TuningOrder
) -> tuple[Step, TrialEpoch]:
    """Run the present settings, which also does what is done only once.

    Returns:
        The step of the trials, and an epoch with it.

    Raises:
        Exception: what the dataset or the step has raised.
    """
    step = _do_nothing if order.step is None else order.step
    pilot = _run_pilot(copies, settings, step, order.budget)
    if needs_stand_in(order.step):
        step = StandInStep(pilot.steady_s)
        pilot = _run_pilot(copies, settings, step, order.budget)
    return step, pilot


def _run_pilot(copies: LoaderCopies, settings: DataLoaderSettings, step: Step, budget: Budget) -> TrialEpoch:
    loader, cut = copies.make(settings)
    plan = EpochPlan(
        max(PILOT_BATCHES, 2 * settings.num_workers),
        budget.until_s,
        PILOT_SHARE * budget.seconds,
        give_up_s=budget.give_up_s,
        end_s=budget.give_up_s,
    )
    return run_epoch(loader, cut, step, plan)


def _fits(settings: DataLoaderSettings, batch_bytes: int) -> bool:
    """Return whether the batches that wait, and the workers, fit into memory and /dev/shm."""
    if not settings.num_workers:
        return True
    limits = find_limits()
    waiting = LoaderSettings(num_workers=settings.num_workers, prefetch_factor=settings.prefetch_factor)
    needs = {SHARED_MEMORY: count_waiting_batches(waiting) * batch_bytes}
    needs[MEMORY] = needs[SHARED_MEMORY] + settings.num_workers * FORKED_BYTES
    return all(name not in limits or need <= limits[name].amount for name, need in needs.items())


def _do_nothing(batch: Any) -> None:
    del batch


def give_up(order: TuningOrder, reason: str) -> Remembered:
    """Return the result of a tuning that can't be made.

    Args:
        order: what was asked for.
        reason: why, in one line.
    """
    seconds = time.monotonic() - order.budget.began_s
    return Remembered("undecided", {}, None, 0, seconds, order.budget.seconds, _read_date(), reason)


def _conclude(
    settings: Sequence[DataLoaderSettings],
    outcome: Outcome,
    order: TuningOrder,
    problems: Mapping[int, str] | None = None,
) -> Remembered:
    """Return the settings that fresh blocks have shown to be faster; none where they haven't.

    Args:
        settings: the settings.
        outcome: what the tuning has found.
        order: what was asked for.
        problems: why settings failed, by their numbers; default None for none.
    """
    seconds = time.monotonic() - order.budget.began_s
    confirmed = outcome.confirmed.get(outcome.chosen)
    tried = sum(fate.end != "unseen" for fate in outcome.fates.values())
    if outcome.verdict == "gain" and confirmed is not None:
        gain = confirmed.gain
        if gain.low is not None and gain.high is not None and gain.low > 1:
            return Remembered(
                "gain",
                find_changes(settings[outcome.chosen], settings[0]),
                (gain.median, gain.low, gain.high),
                tried,
                seconds,
                order.budget.seconds,
                _read_date(),
            )
    verdict: Verdict = "nothing" if outcome.verdict == "nothing" else "undecided"
    reason = _explain_failures(dict(problems or {}), len(settings) - 1)
    if not reason and not outcome.race_blocks:
        reason = _explain_shortness(order)
    return Remembered(verdict, {}, None, tried, seconds, order.budget.seconds, _read_date(), reason)


def _explain_shortness(order: TuningOrder) -> str:
    return f"{order.budget.seconds:g} s are too short for its trials"


def _explain_failures(problems: Mapping[int, str], others: int) -> str:
    """Return why there is no result: the given settings have failed, or all others. Else an empty text."""
    if 0 in problems:
        return f"it failed after some trials: {problems[0]}"
    if len(problems) == others:
        first, *more = dict.fromkeys(problems.values())
        return f"all other settings failed: {first}" + (", and the like" if more else "")
    return ""


def _read_date() -> str:
    return date.today().isoformat()
