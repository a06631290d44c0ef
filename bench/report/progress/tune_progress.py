"""TuneProgress: the part of a tuning that runs, its trial, the leaders so far, and the time left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from typing_extensions import Self

from bench.analysis.leaders import LeaderBoard, Leaders
from bench.analysis.tuning.whole_epochs import lengthen_row
from bench.process.running_clock import read_running_s
from bench.records.row import Row
from bench.report.live.display import make_display
from bench.report.live.state import ProgressState
from bench.report.progress.sweep_progress import SweepProgress
from bench.text import format_duration

# A tuning without a budget has no end that could be told.
UNKNOWN = "until it is settled"
# About how long a trial takes, before some have shown it, and how many trials that counts for.
TRIAL_S, FIRST_TRIALS = 1.5, 4


class TuneProgress:
    """Progress of a tuning. Each of its parts tells it of its trials by a `StageProgress`."""

    def __init__(self, console: Console, names: Sequence[str], ends_s: float) -> None:
        """Start without a trial.

        Args:
            console: console to show it on.
            names: name of each configuration, by its number.
            ends_s: reading of `read_running_s()` at which the budget ends; infinity without one.
        """
        self.names = names
        self._ends_s = ends_s
        self._began_s = read_running_s()
        self._done = 0
        self._display = make_display(console)

    def begin(self, stage: str, doing: str, board: LeaderBoard) -> None:
        """Show a trial that begins."""
        self._display.begin_trial(self._describe(stage, doing, board))

    def end(self, stage: str, board: LeaderBoard) -> None:
        """Show that the trial has ended."""
        self._done += 1
        self._display.end_trial(self._describe(stage, "", board))

    def _describe(self, stage: str = "", doing: str = "", board: LeaderBoard | None = None) -> ProgressState:
        left_s = max(0.0, self._ends_s - read_running_s())
        if left_s == math.inf:
            left, trials = UNKNOWN, self._done + 1
        else:
            left = f"at most {format_duration(left_s)} left"
            # Trials at the start say little of later ones.
            elapsed_s = read_running_s() - self._began_s + FIRST_TRIALS * TRIAL_S
            trial_s = elapsed_s / (self._done + FIRST_TRIALS)
            trials = self._done + max(1, round(left_s / trial_s))
        find_leaders = Leaders if board is None else board.find_leaders
        return ProgressState(self._done, trials, left, stage, doing, find_leaders)

    def __enter__(self) -> Self:
        self._began_s = read_running_s()
        self._display.start(self._describe())
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop(self._describe())


class StageProgress(SweepProgress):
    """The part of a tuning's progress that one of its parts tells of. Its policy decides which trials fit."""

    def __init__(
        self, tuning: TuneProgress, stage: str, labels: Sequence[str], whole_samples: int | None = None
    ) -> None:
        """Tell a tuning's progress.

        Args:
            tuning: the progress, which is opened and closed by itself.
            stage: name of the part.
            labels: name of each run of the part.
            whole_samples: samples of an epoch of the training, to which throughputs are carried over as in
                the answer; default None for one that is far longer than its start.
        """
        self._whole_samples = whole_samples
        self._tuning = tuning
        self._stage = stage
        self._labels = [*labels]
        self._leaders = LeaderBoard(tuning.names)

    @contextmanager
    def trial(self, number: int, block: int, attempt: int = 0) -> Iterator[None]:
        """Show a trial while it runs."""
        del attempt
        stage = f"{self._stage}, block {block + 1}"
        self._tuning.begin(stage, self._labels[number], self._leaders)
        yield
        self._tuning.end(stage, self._leaders)

    def take(self, row: Row) -> None:
        """Take in a row of a trial that runs, for the leaders."""
        self._leaders.add(lengthen_row(row, self._whole_samples))

    def fits(self, *numbers: int) -> bool:
        """Return True: the policy of a tuning has its own budget."""
        del numbers
        return True

    def skip(self, number: int) -> None:
        """Take no notice of a trial that is left out."""

    def add(self, numbers: Iterable[int]) -> None:
        """Take no notice of trials that come on top."""

    def give_back(self, seconds: float) -> None:
        """Take no notice: the budget of a tuning holds for trials that fail, too."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the tuning's progress open."""
