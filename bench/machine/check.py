"""Check: what one look at the machine found, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.text import printable

Severity = Literal["ok", "unknown", "warn", "fail"]
# From harmless to bad.
SEVERITIES: tuple[Severity, ...] = ("ok", "unknown", "warn", "fail")
Found = tuple[Severity, str, str | None]
"""What a check comes to: its verdict, what was found, the cure."""

ROOT = Path("/")
# Of an error's text: what is found is one line.
LONGEST = 240


@dataclass(frozen=True)
class Check:
    """What one look at the machine found, in one line, and in another one what to do; None where all is well.

    verdict: `fail` where measuring can't go well, `warn` where it goes worse than it could.
    """

    name: str
    verdict: Severity
    found: str
    cure: str | None


def run_checks(looks: Mapping[str, Callable[[], Found | None]]) -> Iterator[Check]:
    """The checks by these looks at the machine; there is none where a look finds no such thing."""
    for name, look in looks.items():
        try:
            found = look()
        # What is looked at may be out of order, and so may be what looking raises.
        except Exception as error:
            found = ("unknown", f"can't be found out: {describe_failure(error)}", None)
        if found is not None:
            verdict, text, cure = found
            yield Check(name, verdict, printable(text), None if cure is None else printable(cure))


def find_concerns(found: Iterable[Check]) -> list[Check]:
    """Those that tell of something to be done; what can't be found out asks for nothing."""
    return [check for check in found if check.verdict in ("warn", "fail")]


def ok(found: str) -> Found:
    """All is well."""
    return "ok", found, None


def warn(found: str, cure: str) -> Found:
    """It goes worse than it could."""
    return "warn", found, cure


def fail(found: str, cure: str) -> Found:
    """It can't go well."""
    return "fail", found, cure


def describe_failure(error: BaseException) -> str:
    """What an error says, in one line."""
    text = printable(f"{type(error).__name__}: {error}".rstrip(": "))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
