"""Progress of downloads and conversions: a bar a file on a terminal, one line a file elsewhere."""

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
def show_downloads(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show downloads while a block runs.

    Yields:
        Function to call with a file's name, the bytes received, and the bytes in all or None.
    """
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
def show_conversions(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show the conversions of data while a block runs.

    Yields:
        Function to call with a family's name, the samples converted, and the samples in all.
    """
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
