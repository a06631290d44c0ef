"""Shows where a sweep stands: what is measured now, how many trials are left, and the time that takes."""

from __future__ import annotations

import math
import time
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

from bench.report.time_left import TimeLeft
from bench.text import format_duration


class _EndColumn(ProgressColumn):
    """The task's description, cut at its start where the terminal is too narrow for all of it."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, ratio=1))

    def render(self, task: Task) -> Text:
        room = max(10, Console().width - 50)
        text = task.description
        return Text(text if len(text) <= room else f"…{text[-room + 1 :]}")


class SweepProgress:
    """A bar where the output is a terminal, one line a trial where it is a file or a pipe."""

    def __init__(
        self,
        console: Console,
        labels: Sequence[str],
        estimates_s: Mapping[int, float],
        blocks: int,
        budget_s: float | None = None,
    ) -> None:
        self._console = console
        self._labels = labels
        self._blocks = blocks
        self._budget_s = budget_s
        self._trials = len(estimates_s) * blocks
        self._done = 0
        self._started = time.monotonic()
        self._left = TimeLeft(estimates_s, blocks)
        self._bar = Progress(
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("[cyan]{task.fields[left]}"),
            # What varies stands at the end of a name: the end is what a narrow terminal must show.
            _EndColumn(),
            console=console,
            transient=True,
            # Each refresh takes milliseconds from what is being measured.
            refresh_per_second=2,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._bar.add_task("starting", total=self._trials, left="")

    @contextmanager
    def trial(self, number: int, block: int, attempt: int = 0) -> Iterator[None]:
        """Show that this trial runs, while it does."""
        left = self._time_left()
        of = f"/{self._blocks}" if block < self._blocks else ""
        doing = f"block {block + 1}{of}  {self._labels[number]}{', again, as it was disturbed' * attempt}"
        self._bar.update(self._task, description=doing, left=left)
        if not self._console.is_terminal:
            place = f"[{self._done + 1:>{len(str(self._trials))}}/{self._trials}]"
            self._console.print(f"{place} {left:<22} {doing}", markup=False, highlight=False, soft_wrap=True)
        started = time.monotonic()
        yield
        self._left.finished(number, time.monotonic() - started)
        self._done += 1
        self._bar.update(self._task, completed=self._done, left=self._time_left())

    def trial_s(self, number: int) -> float:
        """About how long a trial of this one takes."""
        return self._left.trial_s(number)

    def fits(self, *numbers: int) -> bool:
        """Whether a trial of each of these, one after the other, ends within the budget of the whole."""
        return sum(self._left.trial_s(number) for number in numbers) <= self._budget_left_s()

    def _budget_left_s(self) -> float:
        return math.inf if self._budget_s is None else self._budget_s - (time.monotonic() - self._started)

    def _time_left(self) -> str:
        return f"about {format_duration(max(0, min(self._left.seconds(), self._budget_left_s())))} left"

    def skip(self, number: int) -> None:
        """Leave a trial of this configuration out."""
        self._left.skipped(number)
        self._trials -= 1
        self._bar.update(self._task, total=self._trials)

    def skip_rest(self, number: int, block: int) -> None:
        """Leave out all trials of this configuration in the blocks after this one."""
        for _ in range(block + 1, self._blocks):
            self._left.skipped(number)
            self._trials -= 1
        self._bar.update(self._task, total=self._trials)

    def add(self, numbers: Iterable[int]) -> None:
        """Take in one more trial of each of these configurations."""
        for number in numbers:
            self._left.added(number)
            self._trials += 1
        self._bar.update(self._task, total=self._trials)

    def give_back(self, seconds: float) -> None:
        """Don't count this time to the budget."""
        if self._budget_s is not None:
            self._budget_s += seconds

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
