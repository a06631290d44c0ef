"""Keeping of results: a validation that ends early, or fails in part, keeps what it has measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from rich.console import Console
from rich.markup import escape

from bench.plan.plan import PlanError
from bench.process import interrupts
from bench.process.errors import ExplainedError, ProcessError
from bench.records import results_folder
from bench.records.errors import ResultsError, StorageError
from bench.report.console import print_line
from bench.text import describe_error, format_count, printable
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError

T = TypeVar("T")
FAILURES = "failures.csv"
# Errors whose text is one line that says all. Of others the type and the place are needed too.
TOLD = (DataError, ExplainedError, PlanError, ProcessError, ResultsError, TargetError)


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured.

    Attributes:
        name: what it was.
        cause: the error, in one line.
    """

    name: str
    cause: str


def attempt(name: str, measure: Callable[[], T]) -> T | Failure:
    """Measure one of many things, so that the others are measured where it fails.

    Args:
        name: what is measured.
        measure: measures it.

    Raises:
        StorageError: a file can't be written, and so those of the others couldn't.
        KeyboardInterrupt: the user has ended it.
    """
    try:
        return measure()
    except StorageError:
        raise
    except Exception as error:
        cause = str(error) if isinstance(error, TOLD) else describe_error(error)
        return Failure(name, printable(cause))


def write_environment(
    folder: Path, environment: Mapping[str, Any], name: str, settings: Mapping[str, Any]
) -> None:
    """Write environment.json of a validation: the machine as it was at the beginning, and the order.

    Args:
        folder: results folder.
        environment: facts of the machine.
        name: name of the validation.
        settings: its settings, and the time that it took.

    Raises:
        StorageError: the file can't be written.
    """
    results_folder.write_json(folder / results_folder.ENVIRONMENT, {**environment, name: settings})


@contextmanager
def keep_results(conclude: Callable[[bool], None]) -> Iterator[None]:
    """Conclude the results at the end of the body, also where an interrupt or an error ends it.

    An interrupt waits until they are concluded.

    Args:
        conclude: prints the results, and then writes them. Its argument is whether the body came to its end.
    """
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        with interrupts.hold():
            conclude(is_whole)


def print_missing(
    console: Console, ended: int | None, planned: int, noun: str, failures: Sequence[Failure] = ()
) -> None:
    """Print what failed, and how much was measured where that isn't all.

    Args:
        console: prints it.
        ended: number of things that were measured, those that failed included; None for all.
        planned: number of things that were to be measured.
        noun: what they are, in the singular.
        failures: those that failed.
    """
    counted = format_count(planned, noun)
    if failures:
        print_line(console, f"[bold red]{len(failures):,} of {counted} failed:[/]")
        for failure in failures:
            print_line(console, f"  {escape(failure.name)}: {escape(failure.cause)}")
    if ended is not None:
        print_line(console, f"Ended early: {ended:,} of {counted} measured")


def write_failures(folder: Path, failures: Sequence[Failure]) -> None:
    """Write what failed; nothing where nothing did.

    Raises:
        StorageError: it can't be written.
    """
    if failures:
        results_folder.write_csv(folder / FAILURES, pd.DataFrame([asdict(one) for one in failures]))
