"""InProcessLab: trials of a tuning inside the user's training, before its first epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader

from bench.analysis.tuning.lab import LabClosedError, Measured, Stage
from bench.runner.in_process.loader_copies import LoaderCopies
from bench.runner.in_process.trial_epoch import EpochPlan, Step, TrialEpoch, run_epoch
from bench.text import describe_error
from loaders.spec.source_facts import DataLoaderSettings

# Share of the budget that a trial of the present settings takes about, by its stage.
TRIAL_SHARES: dict[Stage, float] = {"screen": 0.010, "race": 0.012, "confirm": 0.014}
# Share of the budget that is left for the end of the last workers.
SPARE_SHARE = 0.03
# A trial is as long as so many turns of its workers at least. The first half fills the queue.
FEWEST_BATCHES, FEWEST_TURNS = 4, 2


@dataclass(frozen=True)
class Budget:
    """The time of a tuning.

    Attributes:
        seconds: all of it.
        began_s: reading of time.monotonic at its begin.
    """

    seconds: float
    began_s: float

    @property
    def until_s(self) -> float:
        """Reading of time.monotonic at which the last trial ends."""
        return self.began_s + (1 - SPARE_SHARE) * self.seconds

    def find_left_s(self) -> float:
        """Return the seconds until then."""
        return self.until_s - time.monotonic()


class InProcessLab:
    """Times stretches of copies of the user's DataLoader in this process. Settings go by their numbers.

    Attributes:
        problems: why settings failed, by their numbers.
        trials: number of trials so far.
    """

    def __init__(
        self,
        copies: LoaderCopies,
        settings: Sequence[DataLoaderSettings],
        step: Step,
        budget: Budget,
        pilot: TrialEpoch,
    ) -> None:
        """Plan the length of trials.

        Args:
            copies: makes the DataLoaders.
            settings: the settings; the present ones first.
            step: takes each batch.
            budget: time of the tuning.
            pilot: an epoch of the present settings.
        """
        self.problems: dict[int, str] = {}
        self.trials = 0
        self._copies = copies
        self._settings = settings
        self._step = step
        self._budget = budget
        self._base: dict[Stage, int] = {
            stage: max(FEWEST_BATCHES, math.ceil(share * budget.seconds / pilot.steady_s))
            for stage, share in TRIAL_SHARES.items()
        }
        # Seconds beside the batches, and seconds a batch, of the last trial of each.
        self._costs = {0: (pilot.startup_s, pilot.steady_s)}

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Do nothing: the pilot has decided how long trials are."""

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial. See `Lab`."""
        del block
        if self.find_left_s() <= 0:
            raise LabClosedError
        began_s = time.perf_counter()
        self.trials += 1
        try:
            loader, cut = self._copies.make(self._settings[number])
            self._limit_wait(loader)
            size = self._compare_size(number)
            longest_s = None if cap_s is None else cap_s * max(1.0, size)
            plan = EpochPlan(self._count_batches(stage, number), self._budget.until_s, longest_s)
            epoch = run_epoch(loader, cut, self._step, plan)
            length = find_batches(loader)
        # A dataset may raise anything under other settings, such as one that can't be pickled.
        except Exception as error:
            self.problems[number] = describe_error(error)
            return Measured(None, time.perf_counter() - began_s, self.problems[number])
        seconds = time.perf_counter() - began_s
        self._keep_cost(number, epoch, seconds)
        if epoch.is_late:
            raise LabClosedError
        if epoch.is_slow:
            return Measured(None, seconds, "far slower than others", is_slow=True)
        return Measured(epoch.extrapolate(length), seconds / size)

    def estimate_s(self, stage: Stage, number: int) -> float:
        """Return about how many seconds a trial takes."""
        fixed_s, batch_s = self._costs.get(number, self._costs[0])
        return fixed_s + self._count_batches(stage, number) * batch_s

    def find_left_s(self) -> float:
        """Return the seconds that are left of the budget."""
        return self._budget.find_left_s()

    def _count_batches(self, stage: Stage, number: int) -> int:
        return max(self._base[stage], FEWEST_TURNS * self._settings[number].num_workers)

    def _compare_size(self, number: int) -> float:
        """Return the samples of a batch over those of the present settings."""
        size, present = self._settings[number].batch_size, self._settings[0].batch_size
        return size / present if size and present else 1.0

    def _keep_cost(self, number: int, epoch: TrialEpoch, seconds: float) -> None:
        batch_s = min(epoch.steady_s, seconds / epoch.batches)
        self._costs[number] = (seconds - epoch.batches * batch_s, batch_s)

    def _limit_wait(self, loader: DataLoader[Any]) -> None:
        """Let a worker that never answers fail its settings before the budget is over."""
        if loader.num_workers and not loader.timeout:
            object.__setattr__(loader, "timeout", max(1.0, self.find_left_s()))


def find_batches(loader: DataLoader[Any]) -> int | None:
    """Return the number of batches of an epoch; None where it isn't known."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None
