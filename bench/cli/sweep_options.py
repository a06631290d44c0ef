"""SweepOptions: what one sweep was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.plan.request import Request
from bench.plan.schedule import Schedule


@dataclass(frozen=True)
class SweepOptions:
    """What one sweep was asked for.

    memory_limit: of each trial, in bytes. resume: the folder of the sweep to go on with, whose own command
    the rest is from. resume_anyway: also where the machine or versions are others.
    """

    request: Request
    dataset: str
    data_dir: Path
    mirror: str | None
    course: Schedule
    budget_s: float | None
    timeout_s: float
    memory_limit: int | None
    out: Path | None
    name: str
    dry_run: bool
    resume: Path | None = None
    resume_anyway: bool = False
