"""Part: one of the programs that are run on a machine with a GPU, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """The setting that a part runs in.

    Attributes:
        folder: folder of the part's files.
        bound_s: seconds that the part may take.
        rehearsal: whether the part is rehearsed, small and without a GPU.
    """

    folder: Path
    bound_s: float
    rehearsal: bool = False


@dataclass(frozen=True)
class Part:
    """A program that is run on a machine with a GPU, in a time of its own.

    Attributes:
        name: the part's name, which is also that of its folder.
        purpose: what it does, in a few words.
        bound_s: seconds that it may take unless others are given.
        make_command: returns the command for a setting.
        is_default: whether it runs where no parts are chosen; default True.
        read_figures: returns lines of figures from the part's folder, for the summary; default None for none.
    """

    name: str
    purpose: str
    bound_s: float
    make_command: Callable[[Setting], list[str]]
    is_default: bool = True
    read_figures: Callable[[Path], list[str]] | None = None


class Fate(str, Enum):
    """How a part ended. The values are words of the summary."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    OUT_OF_TIME = "out of time"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class PartResult:
    """How a part ended.

    Attributes:
        name: name of the part.
        fate: how it ended. A part whose tests were all skipped is skipped.
        bound_s: seconds that it was given.
        seconds: seconds that it took.
        detail: number of its tests by outcome, or the last line that it printed.
        command: its command; empty if it was not run.
        figures: lines of figures that it measured.
    """

    name: str
    fate: Fate
    bound_s: float
    seconds: float = 0.0
    detail: str = ""
    command: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
