"""SweepProgress: the trial that runs, the number of trials left, and the time that they take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from typing_extensions import Self

from bench.analysis.leaders import LeaderBoard, Leaders
from bench.plan.prepared_sweep import PreparedSweep
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.records.row import Row
from bench.report.live.display import make_display
from bench.report.live.state import ProgressState
from bench.report.progress.time_left import TimeLeft
from bench.text import format_duration

# Seconds of preparation that a budget doesn't count. The rest of two minutes is for the command's start,
# and for the summary, the charts and the page.
PREPARING_S = 10.0
# A download may take all of the time. The trials have so many seconds even then.
LEAST_BUDGET_S = 30.0


class SweepProgress:
    """Progress of a sweep: the trial that runs, those that are left, and the leaders so far.

    It knows how long trials take, so it also says which ones still fit the budget. A run is a configuration
    or a ceiling, and goes by its place in the list of labels.
    """

    def __init__(
        self,
        console: Console,
        labels: Sequence[str],
        estimates_s: Mapping[int, float],
        blocks: int,
        budget_s: float | None = None,
        *,
        board: LeaderBoard | None = None,
    ) -> None:
        """Start with all trials of the planned blocks ahead.

        Args:
            console: console to print to.
            labels: name of each run.
            estimates_s: estimated duration of a trial of each run, in seconds.
            blocks: number of planned blocks.
            budget_s: seconds that all trials together may take; None for any.
            board: board of the leaders; default None shows none.
        """
        self._labels = [*labels]
        self._blocks = blocks
        self._budget_s = budget_s
        self._trials = len(estimates_s) * blocks
        self._done = 0
        self._block = ""
        self._once_s = 0.0
        self._ends_in_time = False
        self._started_s = read_running_s()
        self._left = TimeLeft(estimates_s, blocks)
        self._board = board
        self._display = make_display(console)

    @classmethod
    def for_sweep(cls, console: Console, sweep: PreparedSweep, samples: int) -> Self:
        """Make the progress of a sweep.

        Args:
            console: console to show it on.
            sweep: sweep that is about to run.
            samples: size of the data.

        Raises:
            ResultsError: the rows of a resumed sweep can't be read.
        """
        estimates_s = dict(enumerate(sweep.estimate_runs_s(samples)))
        options = sweep.options
        progress = cls(
            console,
            sweep.name_runs(),
            estimates_s,
            options.schedule.blocks,
            _choose_budget_s(sweep),
            board=_make_board(sweep),
        )
        progress._ends_in_time = bool(sweep.plan.importance)
        return progress

    @contextmanager
    def trial(self, number: int, block: int, attempt: int = 0) -> Iterator[None]:
        """Show a trial while it runs.

        Args:
            number: run of the trial.
            block: block of the trial, from 0.
            attempt: 1 for the repetition of a disturbed trial, else 0.
        """
        self._block = f"block {block + 1}{f'/{self._blocks}' if block < self._blocks else ''}"
        again = ", again, as it was disturbed" * attempt
        self._display.begin_trial(self._describe(f"{self._labels[number]}{again}"))
        started_s, self._once_s = read_running_s(), 0.0
        yield
        self._left.finish(number, read_running_s() - started_s, self._once_s)
        self._done += 1
        self._display.end_trial(self._describe())

    def take(self, row: Row) -> None:
        """Take in a row of a trial that runs, for the leaders."""
        if self._board is not None:
            self._board.add(row)

    def note_once(self, seconds: float) -> None:
        """Take in how much of the trial that runs is done once, and not again in later blocks."""
        self._once_s = seconds

    def estimate_trial_s(self, number: int, *, later: bool = False) -> float:
        """Return about how long a trial of a run takes, in seconds.

        Args:
            number: the run.
            later: whether another trial of the run comes before; default False, where it may be the first.
        """
        return self._left.estimate_trial_s(number, later=later)

    def fits(self, *numbers: int) -> bool:
        """Return whether a trial of each of these runs, one after the other, ends within the budget."""
        return sum(self._left.estimate_trial_s(number) for number in numbers) <= self.budget_left_s

    def skip(self, number: int) -> None:
        """Leave out one trial of a run."""
        self._left.skip(number)
        self._trials -= 1

    def skip_rest(self, number: int, block: int) -> None:
        """Leave out the trials of a run in all planned blocks after this one."""
        for _ in range(block + 1, self._blocks):
            self.skip(number)

    def add(self, numbers: Iterable[int]) -> None:
        """Take in one more trial of each of these runs."""
        for number in numbers:
            self._left.add(number)
            self._trials += 1

    def introduce(self, label: str, estimate_s: float, block: int) -> int:
        """Take in a run that wasn't planned, from one block on, and return its number.

        Args:
            label: its name.
            estimate_s: estimated duration of a trial of it, in seconds.
            block: block of its first trial, from 0.
        """
        number = len(self._labels)
        self._labels.append(label)
        trials = max(1, self._blocks - block)
        self._left.introduce(number, estimate_s, trials)
        self._trials += trials
        return number

    def give_back(self, seconds: float) -> None:
        """Don't count this time to the budget."""
        if self._budget_s is not None:
            self._budget_s += seconds

    @property
    def budget_left_s(self) -> float:
        """Seconds of the budget that are left; infinite without a budget."""
        return math.inf if self._budget_s is None else self._budget_s - (read_running_s() - self._started_s)

    def _describe_time_left(self) -> str:
        within_s = min(self._left.estimate_s(), self.budget_left_s)
        # The first block runs whatever it takes, unless configurations may be left out of it.
        first_s = 0.0 if self._ends_in_time else self._left.estimate_first_s()
        seconds = max(0, first_s, within_s)
        return f"about {format_duration(seconds)} left"

    def _describe(self, doing: str = "") -> ProgressState:
        """Return what is shown now.

        Args:
            doing: name of the trial that runs; default none.
        """
        find_leaders = Leaders if self._board is None else self._board.find_leaders
        left = self._describe_time_left()
        return ProgressState(self._done, self._trials, left, self._block, doing, find_leaders)

    def __enter__(self) -> Self:
        self._started_s = read_running_s()
        self._display.start(self._describe())
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop(self._describe())


def _choose_budget_s(sweep: PreparedSweep) -> float | None:
    """Return the seconds of the trials, fewer after a long preparation where the sweep must end in time."""
    budget_s = sweep.options.budget_s
    if budget_s is None or not sweep.plan.importance:
        return budget_s
    prepared_s = max(PREPARING_S, read_running_s() - sweep.began_s)
    return max(min(budget_s, LEAST_BUDGET_S), budget_s + PREPARING_S - prepared_s)


def _make_board(sweep: PreparedSweep) -> LeaderBoard | None:
    """Return the board of a sweep's leaders; None for an A/A check, whose configurations are all equal."""
    if sweep.options.request.aa_pairs:
        return None
    begun = sweep.is_resumed and results_folder.has_header(sweep.folder, results_folder.RUNS)
    return LeaderBoard(sweep.names, results_folder.read_runs(sweep.folder) if begun else None)
