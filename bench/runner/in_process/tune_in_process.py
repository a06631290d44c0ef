"""Tune a DataLoader in the process that trains, before its first epoch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from io import IOBase
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.analysis.tuning.tuner import Tuner, TunerOptions
from bench.machine.feasibility import MEMORY, SHARED_MEMORY, find_limits
from bench.machine.requirements import FORKED_BYTES, LoaderSettings, count_waiting_batches
from bench.runner.in_process.conclude import REGRET, conclude, explain_shortness, give_up
from bench.runner.in_process.held_objects import list_held
from bench.runner.in_process.in_process_lab import (
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
from bench.runner.in_process.settings_grid import (
    find_cost,
    keep_few,
    leave_out_persistent,
    list_settings,
    thin_out,
)
from bench.runner.in_process.stand_in_step import StandInStep
from bench.runner.in_process.start_method import find_start_method, keep_start_method, runs_whole_script
from bench.runner.in_process.trial_epoch import EpochLimits, NoBatchError, Step, TrialEpoch, run_epoch
from bench.runner.in_process.tuning_order import TuningOrder
from bench.text import describe_error
from loaders.spec.source_facts import DataLoaderSettings

# Above so many settings, a screen comes before the race. It keeps as many.
RACED = 8
# Share of the budget that a pilot may take, and its batches at most.
PILOT_SHARE, PILOT_BATCHES = 0.05, 16
# Share of the budget in which each setting could be tried so many times.
TRIED_SHARE, TRIED_TIMES = 0.5, 2
# Trials that an answer takes beside one of each other setting: a first one of the present settings, and the
# fewest fresh blocks of two. And the fewest other settings that are worth a tuning.
ANSWER_TRIALS, FEWEST_OTHERS = 1 + 2 * FEWEST_BLOCKS, 1
# Why a loader, or its number of workers, stays as given.
HOLDS_FILE = "its dataset or collate function holds an open file or connection, which workers would share"
LEAVES_OPEN = "reading a sample leaves a file, a connection or a thread open, which workers would share"
LOSES_SAMPLES = "its iterable dataset holds an iterator or an open file, whose samples trials would take"


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
        reason = f"to copy its sampler takes longer than {order.budget.seconds:g} s"
        return give_up(order, reason, lacks_time=True)
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
            reason = f"a batch or a step takes longer than {order.budget.seconds:g} s, or hangs"
            return give_up(order, reason, lacks_time=True)
        except (NoBatchError, WaitingStepError) as error:
            return give_up(order, str(error))
        # So may a dataset or a step.
        except Exception as error:
            return give_up(order, describe_failure(error, settings[0]))
        settings = [settings[0], *(one for one in settings[1:] if _fits(one, pilot.batch_bytes))]
        if len(settings) == 1:
            return give_up(order, "other settings don't fit into the free memory or /dev/shm")
        lab = InProcessLab(copies, settings, step, order.budget, pilot)
        trial_s = lab.estimate_s("race", 0)
        others = int(order.budget.find_left_s() / trial_s) - ANSWER_TRIALS
        if others < FEWEST_OTHERS:
            # An answer would have no time, whatever is tried.
            reason = explain_shortness(order, trial_s, ANSWER_TRIALS + FEWEST_OTHERS)
            return give_up(order, reason, lacks_time=True)
        settings = leave_out_persistent(settings) if lab.is_short else settings
        settings = thin_out(settings, int(TRIED_SHARE * order.budget.seconds / (TRIED_TIMES * trial_s)))
        settings = keep_few(settings, others, order.cores)
        lab = InProcessLab(copies, settings, step, order.budget, pilot)
        costs = [find_cost(one) for one in settings]
        outcome = Tuner(lab, costs, TunerOptions(REGRET, screen_above=RACED, survivors=RACED)).run()
    return conclude(settings, outcome, order, lab)


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
    limits = EpochLimits(
        max(PILOT_BATCHES, 2 * settings.num_workers),
        budget.until_s,
        PILOT_SHARE * budget.seconds,
        give_up_s=budget.give_up_s,
        end_s=budget.give_up_s,
    )
    return run_epoch(loader, cut, step, limits)


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
