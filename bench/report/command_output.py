"""CommandOutput: the places that a command prints to."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.plan.screen import Screen
from bench.report.console import make_console
from bench.report.json_values import encode_value
from bench.report.output import complain


class CommandOutput:
    """The places that a command prints to.

    Attributes:
        answer: console of standard output, for the answer.
        progress: console for all that comes before the answer: standard error beside JSON, nowhere if the
            command is quiet, else standard output.
    """

    def __init__(self, screen: Screen) -> None:
        """Open the places.

        Args:
            screen: how much the command prints.
        """
        self.answer = make_console()
        self.progress = self.answer
        if screen.quiet:
            self.progress = Console(quiet=True, file=io.StringIO())
        elif screen.as_json:
            self.progress = make_console(sys.stderr)

    def print_json(self, values: Mapping[str, Any]) -> None:
        """Print the answer as one JSON document. Unknown numbers are null."""
        print(json.dumps(encode_value(values), indent=2, allow_nan=False), file=self.answer.file)

    def finish(self, exit_code: int) -> int:
        """Tell of output that was lost, and return the command's exit code.

        Args:
            exit_code: exit code of a command whose output was printed.
        """
        lost: OSError | None = getattr(self.answer.file, "lost", None)
        if lost is None:
            return exit_code
        complain(f"standard output can't be written: {lost.strerror}")
        return exit_code or 1


def describe_end(
    folder: Path, problems: Iterable[object], *, interrupted: bool, exit_code: int
) -> dict[str, Any]:
    """Return the members with which the JSON of every command that measures ends.

    Args:
        folder: results folder.
        problems: errors, the first one first.
        interrupted: whether the user ended the measuring.
        exit_code: exit code of the command.
    """
    return {
        "folder": str(folder),
        "problems": [str(problem) for problem in problems],
        "interrupted": interrupted,
        "exit_code": exit_code,
    }
