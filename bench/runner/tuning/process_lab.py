"""ProcessLab: the trials of a tuning, each in a fresh process, with its rows on disk."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from typing_extensions import Self

from bench.analysis.tuning.lab import LabClosedError, Measured, Stage
from bench.analysis.tuning.outcome import Stop
from bench.analysis.tuning.whole_epochs import estimate_loading_gain, estimate_samples_per_s
from bench.process import interrupts
from bench.process.running_clock import read_running_s
from bench.records.errors import ResultsError, StorageError
from bench.records.row import Row
from bench.runner.block_trials import BlockTrials
from bench.runner.first_look import FirstLook
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import DataChangedError, TrialRunner
from bench.runner.tuning.stage_lengths import AUDIT_TRIALS
from bench.runner.tuning.trial_lengths import TrialLengths
from bench.trial.workload import Workload
from loaders.data.errors import DataError

# Seconds that the epochs after the first of a trial last together at least. A configuration that is far
# faster than the present one runs more of the short epochs.
STEADY_S: Mapping[Stage, float] = {"screen": 0.1, "race": 0.3, "confirm": 0.5}
# A trial may take this share of what is left of the budget, or so many times as long as is expected of it.
MOST_OF_LEFT, LATE = 0.5, 3.0


@dataclass(frozen=True)
class StageTrials:
    """The trials of one part of a tuning.

    Attributes:
        trials: the trials. Places of the candidates are their numbers; ceilings come after them.
        runner: runs them.
        limits: time and memory of a trial that isn't ended early.
        batches: number of batches of an epoch.
        cut: returns what a configuration trains, with epochs of some batches.
        problems: why configurations can't run, by their numbers; default none.
    """

    trials: BlockTrials
    runner: TrialRunner
    limits: TrialLimits
    batches: int
    cut: Callable[[int, int], Workload]
    problems: Mapping[int, str] = field(default_factory=dict)


@dataclass
class StageTally:
    """Trials and time of a part of a tuning so far.

    Attributes:
        trials: number of trials.
        seconds: their time.
    """

    trials: int = 0
    seconds: float = 0.0


class RunTrial(NamedTuple):
    """A trial that has run.

    Attributes:
        rows: its epochs that were timed by the clock.
        batches: number of batches of each of them, if none ended before.
        seconds: time that it took, without what later ones of its configuration don't take.
        is_shortened: whether it had less time than the limit of a trial.
    """

    rows: list[Row]
    batches: int
    seconds: float
    is_shortened: bool


@dataclass
class ProcessLab:
    """The trials of a tuning, each in a fresh process. As a context manager it closes the files of rows.

    Attributes:
        open_stage: makes the trials of a part, whose epochs have a number of batches, for some
            configurations.
        lengths: chooses this number, and a smaller one for configurations that are far slower.
        process_s: time of a process beside its epoch, in seconds, to begin with.
        whole_samples: samples of an epoch of the training; None where it isn't known.
        ends_s: reading of `read_running_s()` at which the budget ends; infinity without one.
        sizes: samples of a trial of each configuration over those of the present one; default none, for
            trials that are alike.
        problem: the error that ended the measuring; None for none.
        interrupted: whether the user ended it.
        stages: the trials of each part that has begun.
        tallies: what each part has taken.
        audit_trials: time of the audit, as `Lab` has it.
    """

    open_stage: Callable[[Stage, int, Sequence[int]], StageTrials]
    lengths: TrialLengths
    process_s: float
    whole_samples: int | None
    ends_s: float = math.inf
    sizes: Sequence[float] = ()
    problem: Exception | None = None
    interrupted: bool = False
    stages: dict[Stage, StageTrials] = field(default_factory=dict)
    tallies: dict[Stage, StageTally] = field(default_factory=lambda: defaultdict(StageTally))
    audit_trials: float = AUDIT_TRIALS
    _ended_in: Stage | None = None
    _opened: ExitStack = field(default_factory=ExitStack)
    # By the part, the configuration and the number of batches of an epoch.
    _durations: dict[tuple[Stage, int, int], list[float]] = field(default_factory=dict)

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Choose how long the epochs of a part are, and open its files.

        Args:
            stage: the part that begins.
            numbers: the configurations that it measures.
        """
        if self.is_closed:
            return
        with suppress(LabClosedError), self._close_on_error(stage):
            length = self.lengths.begin(stage, numbers, self.find_left_s())
            part = self.open_stage(stage, length.batches, numbers)
            self._opened.enter_context(part.trials)
            self.stages[stage] = part

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial."""
        if stage in self.stages and (problem := self.stages[stage].problems.get(number)) is not None:
            return Measured(None, 0.0, problem)
        size = self.sizes[number] if number < len(self.sizes) else 1.0
        # The start of a process takes no less time where batches are smaller.
        cap_s = None if cap_s is None else cap_s * max(1.0, size)
        began_s = read_running_s()
        rows, batches, seconds, is_shortened = self._run(stage, number, block, cap_s)
        elapsed_s = read_running_s() - began_s
        tally = self.tallies[stage]
        tally.trials += 1
        tally.seconds += elapsed_s
        last = rows[-1] if rows else None
        if last is None or last.status != "ok":
            late = last is not None and last.status == "timeout"
            is_slow = late and cap_s is not None and is_shortened
            return Measured(None, elapsed_s, last.error or last.status if last else "", is_slow=is_slow)
        samples_per_s = estimate_samples_per_s(rows, self.whole_samples)
        # A first epoch that starts workers which stay is longer than others, as a slow start is.
        others_s = (len(rows) - 1) * (last.wall_s or 0.0)
        self.lengths.paces.add(number, FirstLook.read(last, seconds - others_s), samples_per_s)
        self._durations.setdefault((stage, number, batches), []).append(seconds)
        gain = estimate_loading_gain(rows, samples_per_s)
        return Measured(samples_per_s, seconds / size, loading_gain=gain)

    def estimate_s(self, stage: Stage, number: int) -> float:
        """Return about how many seconds a trial takes, by its own trials or by shorter ones."""
        batches = self.lengths.estimate(stage, number, self.find_left_s())
        known = self._durations.get((stage, number, batches))
        look = self.lengths.paces.find(number).look
        return statistics.median(known) if known else self.foresee_s(stage, number, look)

    def foresee_s(self, stage: Stage, number: int, look: FirstLook) -> float:
        """Return about how many seconds a trial takes.

        Args:
            stage: part of the tuning.
            number: the configuration or ceiling.
            look: times of a shorter epoch of it, or of one that is alike.
        """
        epoch_s = look.estimate_epoch_s(self.lengths.estimate(stage, number, self.find_left_s()))
        return look.process_s + max(self.lengths.epochs * epoch_s, epoch_s + STEADY_S[stage])

    def _limit(self, limits: TrialLimits, stage: Stage, number: int) -> TrialLimits:
        """Return the limits of a trial, so that one that hangs leaves time of the budget for others."""
        seconds = round(MOST_OF_LEFT * self.find_left_s(), 1)
        if self.lengths.paces.is_seen(number):
            seconds = max(seconds, round(LATE * self.estimate_s(stage, number), 1))
        return limits.end_within(seconds)

    def find_left_s(self) -> float:
        """Return the seconds that are left of the budget; infinity without one."""
        return self.ends_s - read_running_s()

    @property
    def is_closed(self) -> bool:
        """True if an interrupt or an error has ended the measuring."""
        return self.interrupted or self.problem is not None

    def take_interrupt(self) -> None:
        """Notice an interrupt that came after the last trial."""
        with suppress(LabClosedError), self._close_on_error():
            pass

    def find_stop(self) -> Stop | None:
        """Return what ended the measuring before the race was over; None if the race ended by itself."""
        if self._ended_in in (None, "confirm"):
            return None
        if self.interrupted:
            return "interrupted"
        return "data" if isinstance(self.problem, DataChangedError | DataError) else "storage"

    def _run(self, stage: Stage, number: int, block: int, cap_s: float | None) -> RunTrial:
        """Run a trial.

        Raises:
            LabClosedError: an interrupt or an error has ended the measuring.
        """
        if (part := self.stages.get(stage)) is None or self.is_closed:
            raise LabClosedError
        limits = self._limit(part.limits, stage, number)
        if cap_s is not None:
            limits = replace(limits, timeout_s=min(cap_s, limits.timeout_s))
        part.runner.limits = limits
        batches = self.lengths.fix(stage, number)
        with self._close_on_error(stage):
            workload = None if batches == part.batches else part.cut(number, batches)
            began_s = read_running_s()
            found = part.trials.run_trial(number, block, workload=workload)
            # An epoch that is timed on the GPU is inspected meanwhile, and so says nothing of its length.
            rows = [row for row in found if row.timed_by == "clock"]
            seconds = read_running_s() - began_s - part.runner.once_s
            return RunTrial(rows, batches, seconds, limits.timeout_s < part.limits.timeout_s)

    @contextmanager
    def _close_on_error(self, stage: Stage | None = None) -> Iterator[None]:
        """Let an interrupt through, and keep what ends the measuring.

        Args:
            stage: part that it ends; default None after the last one.

        Raises:
            LabClosedError: an interrupt or an error has ended it.
        """
        try:
            with interrupts.let_through():
                yield
        except KeyboardInterrupt:
            self.interrupted, self._ended_in = True, stage
            raise LabClosedError from None
        except (StorageError, ResultsError, DataChangedError, DataError) as error:
            self.problem, self._ended_in = error, stage
            raise LabClosedError from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
