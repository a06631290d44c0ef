"""InProcessLab: trials of a tuning inside the user's training, before its first epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.analysis.tuning.lab import LabClosedError, Measured, Stage
from bench.runner.in_process.interrupt import OutOfTimeError
from bench.runner.in_process.loader_copies import LoaderCopies
from bench.runner.in_process.start_method import find_start_method
from bench.runner.in_process.trial_epoch import EpochLimits, Step, TrialEpoch, run_epoch
from bench.text import describe_error
from loaders.data.length import find_length
from loaders.spec.source_facts import DataLoaderSettings

# Share of the budget that a trial of the present settings takes about, by its stage.
TRIAL_SHARES: dict[Stage, float] = {"screen": 0.010, "race": 0.012, "confirm": 0.014}
# Share of the budget that is left for the last batch and the end of the last workers; and of it for killing
# those that hang.
SPARE_SHARE, KILL_SHARE = 0.03, 0.01
# A batch that is being loaded at the end of the budget is waited for, so many times as long as one takes.
WAITED_TIMES = 3
# A trial of another setting than the present is given up after so many times as long as the present one's,
# but not before this share of the budget.
GIVEN_UP_TIMES, GIVEN_UP_SHARE = 5, 0.2
# What PyTorch says of a worker that has ended, and why one that isn't forked may end.
DIED = "exited unexpectedly"
NEEDS_GUARD = "workers that aren't forked run the script again, which needs `if __name__ == '__main__':`"
NEEDS_MODULE = "workers that aren't forked need the dataset's class in a file that they can import"
# A trial is as long as so many turns of its workers at least. The first half fills the queue.
FEWEST_TURNS = 2
# Fewest batches of a trial; and where the budget has no time for so many trials of them, the fewest at all.
FEWEST_BATCHES, USUAL_TRIALS, SHORTEST_BATCHES = 4, 24, 2


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

    @property
    def give_up_s(self) -> float:
        """Reading of time.monotonic at which a batch or a step that is still running is given up."""
        return self.began_s + (1 - KILL_SHARE) * self.seconds

    def find_left_s(self) -> float:
        """Return the seconds until the last trial ends."""
        return self.until_s - time.monotonic()


class InProcessLab:
    """Times stretches of copies of the user's DataLoader in this process. Settings go by their numbers.

    Attributes:
        problems: why settings failed, by their numbers.
        trials: number of trials so far.
        is_short: whether the budget has time for few trials, which are as short as can be.
        audit_trials: 0, as there is no audit.
    """

    audit_trials = 0.0

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
        self.is_short = USUAL_TRIALS * FEWEST_BATCHES * pilot.steady_s > budget.seconds
        fewest = SHORTEST_BATCHES if self.is_short else FEWEST_BATCHES
        self._base: dict[Stage, int] = {
            stage: max(fewest, math.ceil(share * budget.seconds / pilot.steady_s))
            for stage, share in TRIAL_SHARES.items()
        }
        # Seconds beside the batches, and seconds a batch, of the last trial of each.
        self._costs = {0: (max(0.0, pilot.startup_s - pilot.steady_s), pilot.steady_s)}

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Do nothing: the pilot has decided how long trials are."""

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial. See `Lab`."""
        del block
        if self.find_left_s() <= 0:
            raise LabClosedError
        began_s = time.perf_counter()
        self.trials += 1
        limit_s = self._limit_s(stage, number)
        try:
            loader, cut = self._copies.make(self._settings[number])
            size = self._compare_size(number)
            longest_s = None if cap_s is None else cap_s * max(1.0, size)
            give_up_s = self._budget.give_up_s + WAITED_TIMES * self._costs.get(number, self._costs[0])[1]
            limits = EpochLimits(
                self._count_batches(stage, number),
                self._budget.until_s,
                longest_s,
                min(give_up_s, time.monotonic() + limit_s),
                give_up_s,
            )
            epoch = run_epoch(loader, cut, self._step, limits)
            length = find_length(loader)
        except OutOfTimeError:
            if self.find_left_s() <= 0:
                raise LabClosedError from None
            self.problems[number] = f"a trial has not ended after {limit_s:.2g} s"
            return Measured(None, time.perf_counter() - began_s, self.problems[number])
        # A dataset may raise anything under other settings, such as one that can't be pickled.
        except Exception as error:
            self.problems[number] = describe_failure(error, self._settings[number])
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

    def _limit_s(self, stage: Stage, number: int) -> float:
        """Return the seconds after which a trial is given up. The present settings have the whole budget."""
        if not number:
            return self._budget.seconds
        return max(GIVEN_UP_SHARE * self._budget.seconds, GIVEN_UP_TIMES * self.estimate_s(stage, 0))


def describe_failure(error: Exception, settings: DataLoaderSettings) -> str:
    """Return an error in one line, with its likely cause where workers end before they begin.

    Args:
        error: error of a trial.
        settings: settings of its DataLoader.
    """
    if find_start_method(settings) == "fork" or DIED not in str(error):
        return describe_error(error)
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    why = NEEDS_GUARD if script is not None and Path(script).is_file() else NEEDS_MODULE
    return f"{describe_error(error)}; {why}"
