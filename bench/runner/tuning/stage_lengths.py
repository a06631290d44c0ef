"""StageLengths: how many batches an epoch of each part of a tuning has."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bench.analysis.tuning import confirming
from bench.analysis.tuning.lab import Stage
from bench.plan.configuration import Configuration
from bench.runner.epoch_cut import EpochCut
from bench.runner.tuning.paces import FAR, Pace
from bench.trial.workload import Workload
from bench.workloads.fashion_mnist import FashionMnist
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.script.script import Script
from loaders.spec.source_facts import SourceFacts

# Seconds that the steady part of an epoch is to last in the screen and in the race; and what an epoch may
# last in order to let the batches go that were loaded at its start.
SCREEN_S, RACE_S, DRAINED_S = 0.25, 0.5, 2.0
FEWEST_BATCHES = 16
# Fewest batches of an epoch of a configuration that is far slower than the fastest.
FEWEST_FAR = 8
# Most batches that wait in the queues, for which the first half of an epoch is made long enough.
MOST_WAITING = 64
# Fresh blocks that whole epochs should leave time for, and how much longer epochs of unknown length are.
FRESH_BLOCKS, LONGER = confirming.BLOCKS, 4
# Time of the audit of a configuration, in its first fresh trial, over that of such a trial; and time of all
# fresh trials with it, over the time without it.
AUDIT_TRIALS = 1.2
AUDITED = 1 + AUDIT_TRIALS / FRESH_BLOCKS


class StageLength(NamedTuple):
    """Number of batches of the epochs of a part.

    Attributes:
        batches: number of batches.
        near_s: time of a batch of the fastest, in seconds. Epochs of a configuration that is far slower are
            cut to about as long as those of one that is just not far slower; 0 to cut none.
    """

    batches: int
    near_s: float = 0.0

    def find_own(self, pace: Pace) -> int:
        """Return the number of batches of an epoch of a configuration.

        The throughput is carried over to whole epochs in any case, so those of different configurations need
        not be of one length. Of rivals they are, so that no error of this estimate comes between them.

        Args:
            pace: how fast it runs.
        """
        if not pace.is_far or not self.near_s:
            return self.batches
        drained = 2 * min(pace.waiting, MOST_WAITING)
        alike = self.batches * FAR * self.near_s / pace.look.batch_s
        return int(min(self.batches, max(FEWEST_FAR, drained, alike)))


@dataclass(frozen=True)
class StageLengths:
    """Chooses how many batches an epoch of each part has.

    Attributes:
        whole: number of batches of an epoch of the training; None where it isn't known.
        epochs: number of epochs of each trial.
    """

    whole: int | None
    epochs: int

    def choose(self, stage: Stage, paces: Sequence[Pace], left_s: float, fewest: int = 0) -> StageLength:
        """Return the number of batches of an epoch of a part.

        Args:
            stage: the part.
            paces: how fast the configurations run that it measures, at least one.
            left_s: seconds that fresh blocks may take; infinity without a budget.
            fewest: fewest batches, those of the part before; default 0.
        """
        rivals = [pace for pace in paces if not pace.is_far] or paces
        # The fastest ones must be told apart. Those that turn out to be far slower are ended early.
        batch_s = min(pace.look.batch_s for pace in rivals)
        if stage == "confirm":
            return self._fit(paces, batch_s, left_s, fewest)
        steady_s, queues = (SCREEN_S, 1) if stage == "screen" else (RACE_S, 2)
        waiting = max(pace.waiting for pace in rivals)
        drained = min(queues * min(waiting, MOST_WAITING), DRAINED_S / batch_s)
        return StageLength(self._bound(max(fewest, steady_s / batch_s, drained)), batch_s)

    def _fit(self, paces: Sequence[Pace], near_s: float, left_s: float, fewest: int) -> StageLength:
        """Return the longest epochs with which the fresh blocks end in time."""
        # Where an epoch would end isn't always known.
        most = LONGER * max(fewest, FEWEST_BATCHES) if self.whole is None else self.whole
        least, block_s = self._bound(fewest), left_s / FRESH_BLOCKS
        if self._estimate_block_s(paces, StageLength(most)) <= block_s:
            return StageLength(most)
        if self._estimate_block_s(paces, StageLength(least, near_s)) > block_s:
            # Then far slower ones take as long as the others, not longer.
            return StageLength(least, near_s / FAR)
        longer = range(least, most)
        fitting = bisect_right(
            longer, block_s, key=lambda batches: self._estimate_block_s(paces, StageLength(batches, near_s))
        )
        return StageLength(max(least, least + fitting - 1), near_s)

    def _estimate_block_s(self, paces: Sequence[Pace], length: StageLength) -> float:
        """Return the seconds of a fresh block, which may also have the step of each configuration alone."""
        seconds = 0.0
        for pace in paces:
            look, batches = pace.look, length.find_own(pace)
            seconds += AUDITED * (look.process_s + self.epochs * look.estimate_epoch_s(batches))
            seconds += look.process_s + self.epochs * batches * look.step_s
        return seconds

    def _bound(self, batches: float) -> int:
        most = math.inf if self.whole is None else self.whole
        return int(min(most, max(FEWEST_BATCHES, batches)))


def cut_workload(workload: Workload, batches: int, whole: int | None, batch_size: int | None) -> Workload:
    """Return the workload with epochs of some batches.

    Args:
        workload: what is trained.
        batches: number of batches.
        whole: number of batches of its own epochs; None where it isn't known.
        batch_size: samples in a batch, for pictures; None where it isn't known.
    """
    if batches == whole:
        return workload
    if isinstance(workload, OwnLoader | Script):
        return replace(workload, batches=batches)
    if isinstance(workload, FashionMnist) and batch_size is not None:
        return replace(workload, most_samples=batches * batch_size)
    return workload


def count_samples(workload: Workload, cut: EpochCut) -> int | None:
    """Return the samples of an epoch, which the user may have cut; None where they aren't known.

    Args:
        workload: what is trained.
        cut: the number of batches of an epoch.
    """
    if not isinstance(workload, OwnLoader | Script) or not cut.asked or cut.batches is None:
        return workload.samples
    facts: SourceFacts = workload.picked.facts if isinstance(workload, Script) else workload.facts
    most = cut.batches * facts.batch_samples
    return min(most, facts.samples or most) or None


def compare_samples(workload: Workload, configurations: Sequence[Configuration]) -> list[float]:
    """Return the samples of a trial of each configuration over those of the first one.

    Epochs of a user's loader are cut after a number of batches, whatever their size.

    Args:
        workload: what is trained.
        configurations: the configurations; the present one comes first.
    """
    sizes = [configuration.spec.knobs().get("batch_size") for configuration in configurations]
    present = sizes[0]
    if not isinstance(workload, OwnLoader | Script) or not isinstance(present, int):
        return [1.0] * len(sizes)
    return [size / present if isinstance(size, int) else 1.0 for size in sizes]


def count_waiting(configurations: Iterable[Configuration]) -> list[int]:
    """Return the most batches that wait in the queues of each configuration."""
    counts = []
    for configuration in configurations:
        knobs = configuration.spec.knobs()
        workers, factor = knobs.get("num_workers"), knobs.get("prefetch_factor")
        counts.append(int(workers or 0) * int(factor or 2))
    return counts
