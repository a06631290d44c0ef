"""EpochCut: the number of batches after which an epoch of an explanation or a tuning ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.plan.configuration import Configuration
from bench.process.running_clock import read_running_s
from bench.runner.first_look import FirstLook
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
        look: short epoch that was measured first; None without one.
    """

    batches: int | None
    whole: int | None
    epoch_s: float | None = None
    asked: bool = False
    look: FirstLook | None = None

    @property
    def is_cut(self) -> bool:
        """True if an epoch of the training is longer than the epochs that are measured."""
        return self.batches is not None and self.batches != self.whole

    def shorten(self, batches: int) -> EpochCut:
        """Return a cut to fewer batches, of the same look.

        Args:
            batches: number of batches.
        """
        epoch_s = None if self.look is None else self.look.estimate_epoch_s(batches)
        return replace(self, batches=batches, epoch_s=epoch_s)


class CutError(RuntimeError):
    """A configuration that failed at the first look: one line with its error."""


def can_cut(workload: Workload) -> bool:
    """Return whether epochs of a workload can end early."""
    return isinstance(workload, OwnLoader | Script)


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
    *,
    always_looks: bool = False,
) -> EpochCut:
    """Choose the number of batches of an epoch, by a short first trial where epochs may be too long.

    Epochs of Fashion-MNIST are measured whole.

    Args:
        workload: what is trained.
        configuration: the loader and its step.
        runner: runs the trial.
        announce: called before such a trial begins.
        always_looks: whether there is a first trial too where the number is known, since a budget needs to
            know how long an epoch takes; default False.

    Raises:
        CutError: the configuration can't be measured.
        DataChangedError: the data changed meanwhile.
    """
    fewest = find_fewest_batches(configuration)
    if not isinstance(workload, OwnLoader | Script):
        whole = _count_pictures(workload, configuration)
        cut = EpochCut(whole, whole)
    elif workload.batches is not None:
        whole = _count_batches(workload, configuration)
        wanted = workload.batches if whole is None else min(workload.batches, whole)
        cut = EpochCut(wanted, whole, asked=True)
    else:
        whole = _count_batches(workload, configuration)
        cut = EpochCut(whole, whole)
    is_known = not can_cut(workload) or cut.asked or (whole is not None and whole <= fewest)
    if is_known and not always_looks:
        return cut
    announce(workload)
    # Epochs of pictures can't be cut.
    short = cut_epochs(workload, EpochCut(min(fewest, cut.batches or fewest), None))
    cut = replace(cut, look=_look(short, configuration, runner))
    if is_known or cut.look is None:
        return cut if cut.batches is None else cut.shorten(cut.batches)
    wanted = min(max(fewest, math.ceil(EPOCH_S / cut.look.batch_s)), MOST_BATCHES)
    if whole is not None and wanted >= NEARLY_WHOLE * whole and whole <= MOST_BATCHES:
        wanted = whole
    return cut.shorten(wanted)


def find_fewest_batches(configuration: Configuration) -> int:
    """Return the fewest batches of an epoch of a configuration, below which an explanation doesn't cut."""
    return max(FEWEST_BATCHES, BATCHES_A_WORKER * count_workers(configuration))


def count_workers(configuration: Configuration) -> int:
    """Return the number of workers of a configuration; 0 for a loader without any."""
    return int(configuration.spec.knobs().get("num_workers") or 0)


def count_whole_batches(workload: Workload, configuration: Configuration) -> int | None:
    """Return the batches of an epoch, which the user may have cut; None where they aren't known.

    Args:
        workload: what is trained.
        configuration: the loader and its step.
    """
    if isinstance(workload, OwnLoader | Script):
        return workload.batches or _count_batches(workload, configuration)
    return _count_pictures(workload, configuration)


def _look(workload: Workload, configuration: Configuration, runner: TrialRunner) -> FirstLook:
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
    began_s = read_running_s()
    row = next(iter(runner.run(trial)))
    if row.status != "ok":
        raise CutError(row.error or row.status)
    return FirstLook.read(row, read_running_s() - began_s)


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
