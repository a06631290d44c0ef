"""Progress of downloads and conversions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)


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
