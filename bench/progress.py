"""Shows where a sweep stands: what is measured now, how many trials are left, and the time that takes."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text
from typing_extensions import Self


class TimeLeft:
    """Foretells what the trials to come will take, from those that have been."""

    def __init__(self, estimates_s: Mapping[int, float], blocks: int) -> None:
        self._estimates_s = estimates_s
        self._taken_s: defaultdict[int, list[float]] = defaultdict(list)
        self._left = dict.fromkeys(estimates_s, blocks)

    def skipped(self, number: int) -> None:
        """Note that one trial of this configuration is not run."""
        self._left[number] -= 1

    def added(self, number: int) -> None:
        """Note that one more trial of this configuration is run."""
        self._left[number] += 1

    def finished(self, number: int, seconds: float) -> None:
        """Note that one trial of this configuration has taken so long."""
        self._taken_s[number].append(seconds)
        self._left[number] -= 1

    def trial_s(self, number: int) -> float:
        """How long a trial will take: as long as before; a new one its estimate, as far off as others."""
        if self._taken_s[number]:
            return statistics.mean(self._taken_s[number])
        estimated = sum(self._estimates_s[n] * len(times) for n, times in self._taken_s.items())
        taken = sum(sum(times) for times in self._taken_s.values())
        return self._estimates_s[number] * (taken / estimated if estimated else 1.0)

    def seconds(self) -> float:
        """How long all the trials that are left will take."""
        return sum(trials * self.trial_s(number) for number, trials in self._left.items())


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
        return f"about {duration(max(0, min(self._left.seconds(), self._budget_left_s())))} left"

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


@contextmanager
def download_progress(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """A function that shows what a download has received: a bar a file, or one line in a file or a pipe."""
    columns = (
        TextColumn("downloading {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(name: str, received: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
                if not console.is_terminal:
                    console.print(f"downloading {name}", markup=False)
            bar.update(tasks[name], completed=received, total=total)

        yield show


@contextmanager
def conversion_progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A function that shows how much of a family's files is made: a bar, or a line in a file or a pipe."""
    columns = (TextColumn("making the files of {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(family: str, done: int, of: int) -> None:
            if family not in tasks:
                tasks[family] = bar.add_task(family, total=of)
                if not console.is_terminal:
                    console.print(f"making the files of {family}: {of:,} samples, once", markup=False)
            bar.update(tasks[family], completed=done)

        yield show


def duration(seconds: float) -> str:
    """For example `45 s`, `1 min 20 s`, `2 h 5 min`: two units at most, for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
