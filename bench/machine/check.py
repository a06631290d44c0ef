"""Check: the result of one look at the machine, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from bench.text import printable

Severity = Literal["ok", "unknown", "warn", "fail"]
# From harmless to bad.
SEVERITIES: tuple[Severity, ...] = ("ok", "unknown", "warn", "fail")

ROOT = Path("/")
# An error's text is cut to this length, since a check is one line.
MAX_ERROR_LETTERS = 240


class Outcome(NamedTuple):
    """Outcome of a look at the machine.

    Attributes:
        severity: `fail` if measuring can't go well, `warn` if it goes worse than it could.
        found: what was found.
        cure: what to do; None if nothing is to be done.
    """

    severity: Severity
    found: str
    cure: str | None


@dataclass(frozen=True)
class Check:
    """An outcome under the name of what was looked at. Each text is one line that a terminal can show.

    Attributes:
        name: what was looked at.
        severity: as in Outcome.
        found: as in Outcome.
        cure: as in Outcome.
    """

    name: str
    severity: Severity
    found: str
    cure: str | None


def run_checks(looks: Mapping[str, Callable[[], Outcome | None]]) -> Iterator[Check]:
    """Take each look, and yield its check.

    Args:
        looks: functions by the name of what they look at. None means that this machine has no such thing.
    """
    for name, look in looks.items():
        try:
            outcome = look()
        # A machine that is out of order makes libraries raise whatever they happen to.
        except Exception as error:
            outcome = unknown(f"can't be found out: {describe_failure(error)}")
        if outcome is not None:
            cure = None if outcome.cure is None else printable(outcome.cure)
            yield Check(name, outcome.severity, printable(outcome.found), cure)


def find_concerns(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that ask for something to be done."""
    return [check for check in checks if check.severity in ("warn", "fail")]


def ok(found: str) -> Outcome:
    """Return an outcome that asks for nothing."""
    return Outcome("ok", found, None)


def unknown(found: str) -> Outcome:
    """Return the outcome of a look that couldn't be taken."""
    return Outcome("unknown", found, None)


def warn(found: str, cure: str) -> Outcome:
    """Return an outcome with which measuring goes worse than it could."""
    return Outcome("warn", found, cure)


def fail(found: str, cure: str) -> Outcome:
    """Return an outcome with which measuring can't go well."""
    return Outcome("fail", found, cure)


def describe_failure(error: BaseException) -> str:
    """Return the type and the text of an error, in one line."""
    text = printable(f"{type(error).__name__}: {error}".rstrip(": "))
    return text if len(text) <= MAX_ERROR_LETTERS else f"{text[: MAX_ERROR_LETTERS - 3]}..."
