"""Conclusion: the end of an explanation or a tuning, what it has found, and the errors on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.records.errors import ResultsError
from bench.report.command_output import describe_end
from bench.report.remark import Remark

Found = TypeVar("Found")


@dataclass(frozen=True)
class Conclusion(Generic[Found]):
    """The end of an explanation or a tuning.

    Attributes:
        folder: results folder.
        found: the explanation or the tuning; None where too little was measured.
        failure: one line that says why nothing could be measured, or not all; empty if all could.
        interrupted: whether the user ended the measuring.
        problems: errors that ended the measuring or kept a file from being written, the first one first.
        undrawn: why there are no charts or no page, although they could be written; empty where nothing is
            wrong.
    """

    folder: Path
    found: Found | None
    failure: str = ""
    interrupted: bool = False
    problems: tuple[Exception, ...] = ()
    undrawn: tuple[Remark, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 if nothing was found or an error occurred."""
        return int(bool(self.failure or self.problems) or self.found is None)

    def require_found(self, done: str) -> Found:
        """Return what was found, as a program gets it.

        Args:
            done: what can't be done where nothing was found, such as `explained`.

        Raises:
            KeyboardInterrupt: the measuring was interrupted.
            ResultsError: nothing was found.
            Exception: the first of the problems.
        """
        if self.interrupted:
            raise KeyboardInterrupt(f"{self.folder} holds what was measured until then")
        for problem in self.problems:
            raise problem
        if self.found is None:
            raise ResultsError(f"{self.folder}: nothing can be {done}: {self.failure}")
        return self.found

    def list_notices(self, notices: Sequence[str]) -> tuple[str, ...]:
        """Return notices of the measuring, and the failure if there was one."""
        return (*notices, *filter(None, [self.failure]))


def describe_conclusion(
    conclusion: Conclusion[Any], found: Mapping[str, Any], notices: Sequence[str], exit_code: int
) -> dict[str, Any]:
    """Return the JSON object of a command: what it found, and how it ended.

    Args:
        conclusion: the end.
        found: members of what was found.
        notices: facts of data and loaders to know before reading figures.
        exit_code: exit code of the command.
    """
    undrawn = [f"{one.title}: {one.text}" for one in conclusion.undrawn]
    problems = [*conclusion.problems, *filter(None, [conclusion.failure]), *undrawn]
    end = describe_end(conclusion.folder, problems, interrupted=conclusion.interrupted, exit_code=exit_code)
    return {**found, "notices": notices, **end}
