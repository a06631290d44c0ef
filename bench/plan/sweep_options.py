"""SweepOptions: the order that a sweep carries out."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.screen import Screen


@dataclass(frozen=True)
class SweepOptions:
    """The order that a sweep carries out: configurations, data, repetitions and places.

    Attributes:
        request: configurations to measure.
        schedule: how often and in which order.
        dataset: `auto`, `fashion-mnist`, `synthetic` or `synthetic:N`.
        data_dir: folder of the data.
        mirror: URL of a folder to download from; None for torchvision's own.
        budget_s: seconds after which no trial starts that would end later; None without a budget.
        timeout_s: seconds that one trial may take.
        memory_limit: bytes that the processes of one trial may hold together; None without a limit.
        out: folder of the results; None for a new one below `results/`.
        name: end of that folder's name.
        dry_run: print the plan and measure nothing.
        resume: results folder of the sweep to go on with; None to start a new one.
        resume_anyway: go on although the machine or versions differ.
        program: command that goes on with the sweep, as `python -m bench.sweep` or `loaderbench sweep`.
        arguments: arguments of that command which make these options.
        config: all options as a TOML file that the command reads; empty for none.
        screen: how much the command prints.
        target: the user's own loader or dataset, such as `train.py:train_loader`; None for pictures.
        batches: number of batches after which an epoch of the target ends; None for its own end.
        script_args: arguments of a script.
        pick: number or name of the DataLoader of a script to vary; None for the largest.
        measured_again: results folder of a sweep whose target is measured again in a new folder; relative
            paths begin where that sweep was started; None for the current folder.
        start: folder in which relative paths of the target begin; None for the current one, or for that of
            the sweep that is resumed or measured again.
    """

    request: Request
    schedule: Schedule
    dataset: str = "auto"
    data_dir: Path = Path("data")
    mirror: str | None = None
    budget_s: float | None = None
    timeout_s: float = 300.0
    memory_limit: int | None = None
    out: Path | None = None
    name: str = "local"
    dry_run: bool = False
    resume: Path | None = None
    resume_anyway: bool = False
    program: str = "python -m bench.sweep"
    arguments: tuple[str, ...] = ()
    config: str = ""
    screen: Screen = field(default_factory=Screen)
    target: str | None = None
    batches: int | None = None
    script_args: tuple[str, ...] = ()
    pick: str | None = None
    measured_again: Path | None = None
    start: Path | None = None

    @property
    def can_resume(self) -> bool:
        """True if the program is a sweep, which goes on. Parts of other commands don't."""
        return self.program.endswith("sweep")

    @property
    def command(self) -> str:
        """The command line that makes these options."""
        return shlex.join([*self.program.split(), *self.arguments])
