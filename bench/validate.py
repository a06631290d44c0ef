"""Measures loaders whose costs are known, as a sweep would, and says how far each reading is from the truth.

`python -m bench.validate` leaves with exit code 0 where every reading is right and every cheat is caught.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

import click
import torch
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from bench import known_kernels, table
from bench.command_line import list_of, run_command
from bench.fresh_process import fresh_process_context
from bench.progress import duration
from bench.row import Row
from bench.trial_process import TrialRunner
from bench.truths import TRUTHS, Truth

TOLERANCE = 0.02
TOLERANCE_S = 1e-3
# CPU time is not what a loader plans: whatever takes the core from it takes CPU time but no wall time. And
# how well batches are mixed is a matter of chance.
WIDER = {"cpu_s": 0.05, "mixing": 0.1}
TIMEOUT_S = 60.0
BY_NAME = {truth.name: truth for truth in TRUTHS}
WRONG = "[bold red]WRONG[/]"
# Of the tables of readings: as wide as a pipe's lines. A narrow terminal doesn't get all of them.
WIDE_ONLY = ("least", "most", "allowed")
COLUMNS = (
    ("reading", 21), ("truth", 12), ("measured", 12), ("least", 12), ("most", 12), ("off", 11), ("", 8),
    ("allowed", 10), ("", 5),
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One column over the steady epochs: their median, the least and the most, and what it should be."""

    column: str
    truth: float
    measured: float
    low: float
    high: float

    @property
    def allowed(self) -> float:
        """How far from the truth the median may be, in the column's unit."""
        share = WIDER.get(self.column, TOLERANCE) * self.truth
        return max(share, TOLERANCE_S) if _is_time(self.column) else share

    @property
    def right(self) -> bool:
        """Whether it is no further off than that."""
        return abs(self.measured - self.truth) <= self.allowed


@dataclass(frozen=True)
class Verdict:
    """What came of one truth. problem: what is wrong besides readings; said: the error of a caught cheat."""

    truth: Truth
    readings: tuple[Reading, ...] = ()
    problem: str | None = None
    said: str | None = None
    disturbed: str | None = None
    again: bool = False

    @property
    def right(self) -> bool:
        """Whether the measurement told the truth."""
        return self.problem is None and all(reading.right for reading in self.readings)


def judge(truth: Truth, rows: Sequence[Row]) -> Verdict:
    """Hold the rows of a truth's trial against it."""
    disturbed = next((row.disturbed for row in rows if row.disturbed), None)
    *before, last = rows
    said = last.error
    if any(row.status != "ok" for row in before) or last.status not in ("ok", "failed"):
        return Verdict(truth, problem=f"{last.status}: {said}", disturbed=disturbed)
    if truth.names:
        if last.status == "ok":
            return Verdict(truth, problem="not caught", disturbed=disturbed)
        if last.epoch != truth.fails_in:
            return Verdict(truth, problem=f"caught in epoch {last.epoch}, not {truth.fails_in}: {said}")
        if not any(word in (said or "").lower() for word in truth.names):
            return Verdict(truth, problem=f"caught for something else: {said}")
        return Verdict(truth, said=said)
    if last.status == "failed":
        return Verdict(truth, problem=f"an honest loader failed: {said}", disturbed=disturbed)
    readings = []
    for prefix, timed_by, truths in (
        ("", "clock", truth.readings), ("device_", "events", truth.device_readings)
    ):  # fmt: skip
        steady = [row for row in rows if row.epoch > 0 and row.timed_by == timed_by]
        for column, known in truths.items():
            values = [getattr(row, column) for row in steady]
            if None in values or not values:
                return Verdict(truth, problem=f"{prefix}{column} is empty", disturbed=disturbed)
            median, low, high = statistics.median(values), min(values), max(values)
            readings.append(Reading(f"{prefix}{column}", known, median, low, high))
    return Verdict(truth, tuple(readings), disturbed=disturbed)


def validate(checked: Sequence[Truth], console: Console) -> int:
    """Measure each truth, print what came of it, and return the exit code: 0 where all is right, else 1."""
    started = time.monotonic()
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        context = fresh_process_context({known_kernels.__name__})
        runner = TrialRunner(context, TIMEOUT_S, Path(folder) / "log")
        for place, truth in enumerate(checked, start=1):
            doing = f"{place:>{len(str(len(checked)))}}/{len(checked)} {truth.name}"
            # Each refresh takes milliseconds from what is being measured.
            with console.status(doing, refresh_per_second=2):
                verdict = _measured(truth, runner)
            console.print(f"{doing}: {_mark(verdict)}")
            verdicts.append(verdict)
    console.print()
    _print_readings(console, [verdict for verdict in verdicts if verdict.readings])
    _print_cheats(console, [verdict for verdict in verdicts if verdict.truth.names])
    for verdict in verdicts:
        if verdict.again:
            still = f", and again: {verdict.disturbed}" if verdict.disturbed else ""
            console.print(f"{verdict.truth.name} was disturbed and measured once more{escape(still)}")
        if verdict.problem and not verdict.truth.names:
            console.print(f"[bold red]{verdict.truth.name}: {escape(verdict.problem)}[/]", soft_wrap=True)
    taken = duration(time.monotonic() - started)
    wrong = [verdict.truth.name for verdict in verdicts if not verdict.right]
    if any(verdict.disturbed for verdict in verdicts if not verdict.right):
        console.print("Others used the machine meanwhile: run this again when it is quiet.")
    if wrong:
        console.print(f"[bold red]{len(wrong)} of {len(verdicts)} wrong[/] ({taken}): {', '.join(wrong)}")
    else:
        console.print(f"[bold green]All {len(verdicts)} right[/] ({taken})")
    return 1 if wrong else 0


def _measured(truth: Truth, runner: TrialRunner) -> Verdict:
    """Measure a truth; once more where it is wrong and something disturbed it from outside."""
    first = judge(truth, list(runner.run(truth.trial())))
    if first.right or not first.disturbed:
        return first
    return replace(judge(truth, list(runner.run(truth.trial()))), again=True)


def _print_readings(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Each reading beside its truth."""
    # Where not all fits, the mark must not be what is cut off.
    wide = console.width >= sum(width + 1 for _, width in COLUMNS)
    shown = [wide or name not in WIDE_ONLY for name, _ in COLUMNS]
    for place, verdict in enumerate(verdicts):
        # A table each, all with the same widths, so that a title can say what it is about.
        lines = Table(box=None, pad_edge=False, show_header=place == 0, title_justify="left")
        lines.title = f"[bold]{verdict.truth.name}[/]: {verdict.truth.what}"
        for name, width in compress(COLUMNS, shown):
            justify: JustifyMethod = "left" if name == "reading" else "right"
            lines.add_column(name, width=width, justify=justify, no_wrap=True)
        for reading in verdict.readings:
            lines.add_row(*compress(_cells(reading), shown))
        console.print(lines, "")


def _cells(reading: Reading) -> list[str]:
    """A reading's line, in the order of COLUMNS."""
    column, truth = reading.column, reading.truth
    off = reading.measured - truth
    return [
        column,
        *(_text(column, value) for value in (truth, reading.measured, reading.low, reading.high)),
        _text(column, off, "+"),
        f"{off / truth:+.2%}" if truth else "",
        _text(column, reading.allowed),
        "[green]right[/]" if reading.right else WRONG,
    ]


def _print_cheats(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Each cheat beside what was said of it."""
    if not verdicts:
        return
    lines = Table(box=None, pad_edge=False, title="[bold]cheats[/]", title_justify="left")
    for name in ("cheat", "what it does", "what was said of it", ""):
        lines.add_column(name)
    for verdict in verdicts:
        said = verdict.said or verdict.problem or ""
        lines.add_row(verdict.truth.name, verdict.truth.what, escape(said), _mark(verdict))
    console.print(lines, "")


def _mark(verdict: Verdict) -> str:
    if not verdict.right:
        return WRONG
    return f"[green]{'caught' if verdict.truth.names else 'right'}[/]"


def _is_time(column: str) -> bool:
    return column.endswith("_s") and not column.endswith("_per_s")


def _text(column: str, value: float, sign: str = "") -> str:
    """A value as people read it: milliseconds, samples a second, or a bare figure."""
    if _is_time(column):
        return f"{value * 1e3:{sign},.2f} ms"
    return f"{value:{sign},.0f} /s" if column.endswith("_per_s") else f"{value:{sign}.4f}"


def _name(text: str) -> str:
    if text not in BY_NAME:
        raise ValueError(text)
    return text


@click.command(help="Measure loaders of known costs, and some that cheat; exit 1 where one is misjudged.")
@click.option(
    "--only",
    metavar="NAME,…",
    callback=list_of(_name, f"one of {', '.join(BY_NAME)}"),
    help="measure these alone",
)
def command(only: tuple[str, ...] | None) -> int:
    """The command line of this module."""
    console, here = table.console(), [*BY_NAME]
    if not torch.cuda.is_available():
        here = [name for name in BY_NAME if BY_NAME[name].device == "cpu"]
        for name in only or ():
            if name not in here:
                raise click.UsageError(f"--only: {name} needs a CUDA device, and there is none here")
    if len(here) < len(BY_NAME) and not only:
        console.print(f"{len(BY_NAME) - len(here)} that need a CUDA device are left out: there is none here")
    return validate([BY_NAME[name] for name in only or here], console)


def main() -> None:
    """Entry point of `python -m bench.validate`."""
    run_command(command, user_errors=())


if __name__ == "__main__":
    main()
