"""SweepProgress: the trial that runs, the number of trials left, and the time that they take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text
from typing_extensions import Self

from bench.plan.prepared_sweep import PreparedSweep
from bench.process.running_clock import read_running_s
from bench.report.time_left import TimeLeft
from bench.text import format_duration

# Columns of a line that the bar, the counts and the time take.
BESIDE_DESCRIPTION = 50


class _EndColumn(ProgressColumn):
    """The description of a task, without its start where the terminal is too narrow for all of it."""

    def __init__(self, console: Console) -> None:
        super().__init__(table_column=Column(no_wrap=True, ratio=1))
        self._console = console

    def render(self, task: Task) -> Text:
        room = max(10, self._console.width - BESIDE_DESCRIPTION)
        text = task.description
        return Text(text if len(text) <= room else f"…{text[-room + 1 :]}")


class SweepProgress:
    """Display of a sweep's trials: a bar on a terminal, one line a trial elsewhere.

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
    ) -> None:
        """Start with all trials of the planned blocks ahead.

        Args:
            console: console to print to.
            labels: name of each run.
            estimates_s: estimated duration of a trial of each run, in seconds.
            blocks: number of planned blocks.
            budget_s: seconds that all trials together may take; None for any.
        """
        self._console = console
        self._labels = [*labels]
        self._blocks = blocks
        self._budget_s = budget_s
        self._trials = len(estimates_s) * blocks
        self._done = 0
        self._started_s = read_running_s()
        self._left = TimeLeft(estimates_s, blocks)
        self._bar = Progress(
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("[cyan]{task.fields[left]}"),
            # The end of a name says what varies, so a narrow terminal shows that.
            _EndColumn(console),
            console=console,
            transient=True,
            # Each refresh takes milliseconds from what is being measured.
            refresh_per_second=2,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._bar.add_task("starting", total=self._trials, left="")

    @classmethod
    def for_sweep(cls, console: Console, sweep: PreparedSweep, samples: int) -> Self:
        """Make the display of a sweep over data of that size."""
        estimates_s = dict(enumerate(sweep.estimate_runs_s(samples)))
        options = sweep.options
        return cls(console, sweep.name_runs(), estimates_s, options.schedule.blocks, options.budget_s)

    @contextmanager
    def trial(self, number: int, block: int, attempt: int = 0) -> Iterator[None]:
        """Show a trial while it runs.

        Args:
            number: run of the trial.
            block: block of the trial, from 0.
            attempt: 1 for the repetition of a disturbed trial, else 0.
        """
        left = self._describe_time_left()
        of = f"/{self._blocks}" if block < self._blocks else ""
        again = ", again, as it was disturbed" * attempt
        doing = f"block {block + 1}{of}  {self._labels[number]}{again}"
        self._bar.update(self._task, description=doing, left=left)
        if not self._console.is_terminal:
            place = f"[{self._done + 1:>{len(str(self._trials))}}/{self._trials}]"
            self._console.print(f"{place} {left:<22} {doing}", markup=False, highlight=False, soft_wrap=True)
        started_s = read_running_s()
        yield
        self._left.finish(number, read_running_s() - started_s)
        self._done += 1
        self._bar.update(self._task, completed=self._done, left=self._describe_time_left())

    def estimate_trial_s(self, number: int) -> float:
        """Return about how long a trial of a run takes, in seconds."""
        return self._left.estimate_trial_s(number)

    def fits(self, *numbers: int) -> bool:
        """Return whether a trial of each of these runs, one after the other, ends within the budget."""
        return sum(self._left.estimate_trial_s(number) for number in numbers) <= self._budget_left_s()

    def skip(self, number: int) -> None:
        """Leave out one trial of a run."""
        self._left.skip(number)
        self._trials -= 1
        self._bar.update(self._task, total=self._trials)

    def skip_rest(self, number: int, block: int) -> None:
        """Leave out the trials of a run in all planned blocks after this one."""
        for _ in range(block + 1, self._blocks):
            self.skip(number)

    def add(self, numbers: Iterable[int]) -> None:
        """Take in one more trial of each of these runs."""
        for number in numbers:
            self._left.add(number)
            self._trials += 1
        self._bar.update(self._task, total=self._trials)

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
        self._bar.update(self._task, total=self._trials)
        return number

    def give_back(self, seconds: float) -> None:
        """Don't count this time to the budget."""
        if self._budget_s is not None:
            self._budget_s += seconds

    def _budget_left_s(self) -> float:
        return math.inf if self._budget_s is None else self._budget_s - (read_running_s() - self._started_s)

    def _describe_time_left(self) -> str:
        # The first block runs whatever it takes.
        within_s = min(self._left.estimate_s(), self._budget_left_s())
        seconds = max(0, self._left.estimate_first_s(), within_s)
        return f"about {format_duration(seconds)} left"

    def __enter__(self) -> Self:
        self._started_s = read_running_s()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
