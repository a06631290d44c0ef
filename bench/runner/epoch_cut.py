"""EpochCut: the number of batches after which an epoch of an explanation ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.plan.configuration import Configuration
from bench.records.row import Row
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.trial.workload import Workload
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.script.script import Script
from loaders.spec.loader_spec import LoaderSpec

# Seconds that an epoch is to last. Shorter ones are mostly start-up, longer ones cost blocks.
EPOCH_S = 3.0
# Fewest batches for each worker: below it, the filling and emptying of the queue weighs too much.
BATCHES_A_WORKER = 8
FEWEST_BATCHES = 16
# Most batches: each one is a line of batches.csv in each block.
MOST_BATCHES = 20_000
# An epoch that is hardly longer than it has to be stays whole.
NEARLY_WHOLE = 0.8


@dataclass(frozen=True)
class EpochCut:
    """The number of batches after which an epoch of an explanation ends.

    Attributes:
        batches: number of batches of an epoch that is measured; None where it isn't known.
        whole: number of batches of an epoch of the training; None where it isn't known.
        epoch_s: about how long a measured epoch takes, in seconds; None where it isn't known.
        asked: whether the user asked for that number of batches.
    """

    batches: int | None
    whole: int | None
    epoch_s: float | None = None
    asked: bool = False

    @property
    def is_cut(self) -> bool:
        """True if an epoch of the training is longer than the epochs that are measured."""
        return self.batches is not None and self.batches != self.whole


class CutError(RuntimeError):
    """A configuration that failed at the first look: one line with its error."""


def cut_epochs(workload: Workload, cut: EpochCut) -> Workload:
    """Return the workload with epochs that end as the cut says."""
    if isinstance(workload, OwnLoader | Script) and cut.is_cut:
        return replace(workload, batches=cut.batches)
    return workload


def choose_cut(
    workload: Workload,
    configuration: Configuration,
    runner: TrialRunner,
    announce: Callable[[Workload], None],
) -> EpochCut:
    """Choose the number of batches of an epoch, by a short first trial where epochs may be too long.

    Epochs of Fashion-MNIST are measured whole.

    Args:
        workload: what is trained.
        configuration: the loader and its step.
        runner: runs the trial.
        announce: called before such a trial begins.

    Raises:
        CutError: the configuration can't be measured.
        DataChangedError: the data changed meanwhile.
    """
    if not isinstance(workload, OwnLoader | Script):
        whole = _count_pictures(workload, configuration)
        return EpochCut(whole, whole)
    whole = _count_batches(workload, configuration)
    if workload.batches is not None:
        return EpochCut(
            workload.batches if whole is None else min(workload.batches, whole), whole, asked=True
        )
    workers = int(configuration.spec.knobs().get("num_workers") or 0)
    fewest = max(FEWEST_BATCHES, BATCHES_A_WORKER * workers)
    if whole is not None and whole <= fewest:
        return EpochCut(whole, whole)
    announce(workload)
    row = _look(replace(workload, batches=fewest), configuration, runner)
    batch_s = _find_batch_s(row)
    wanted = min(max(fewest, math.ceil(EPOCH_S / batch_s)), MOST_BATCHES)
    if whole is not None and wanted >= NEARLY_WHOLE * whole and whole <= MOST_BATCHES:
        wanted = whole
    started_s = (row.time_to_first_batch_s or 0) + (row.teardown_s or 0)
    return EpochCut(wanted, whole, started_s + wanted * batch_s)


def _look(workload: Workload, configuration: Configuration, runner: TrialRunner) -> Row:
    """Measure one short epoch, without an audit and without a row on file."""
    trial = Trial(
        configuration,
        number=0,
        baseline=0,
        block=0,
        position=0,
        workload=workload,
        epochs=1,
        seed=0,
        audited=False,
    )
    row = next(iter(runner.run(trial)))
    if row.status != "ok":
        raise CutError(row.error or row.status)
    return row


def _find_batch_s(row: Row) -> float:
    """Return the seconds of a batch in an epoch that runs already."""
    batches, wall_s = row.batches or 1, row.wall_s or 0.0
    running_s = wall_s - (row.time_to_first_batch_s or 0) - (row.teardown_s or 0)
    # Nanoseconds, where there was one batch alone.
    return max(running_s / max(1, batches - 1), 1e-9)


def _count_batches(workload: OwnLoader | Script, configuration: Configuration) -> int | None:
    """Return the number of batches of an epoch of the training; None where it isn't known."""
    spec: Any = configuration.spec
    facts = workload.picked.facts if isinstance(workload, Script) else spec.facts
    whole: int | None = facts.batches
    if whole is not None and facts.samples and facts.map_style and facts.batch_samples:
        size = spec.knobs().get("batch_size")
        if size and size != (facts.settings.batch_size if facts.settings else None):
            whole = math.ceil(facts.samples / int(size))
    # An epoch of unknown length was run through no further than the user's own limit.
    return None if whole is not None and whole == workload.batches else whole


def _count_pictures(workload: Workload, configuration: Configuration) -> int | None:
    spec, samples = configuration.spec, workload.samples
    if not isinstance(spec, LoaderSpec) or samples is None:
        return None
    return math.ceil(samples / spec.batch_size)
