"""The doctor's checks as lines for people, and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from bench.machine.check import SEVERITIES, Check, Severity
from bench.machine.requirements import LoaderSettings
from bench.text import format_count

STYLES = {"ok": "green", "unknown": "dim", "warn": "bold yellow", "fail": "bold red"}
PLAIN = "default not dim not bold"
SEVERITY_WIDTH, NAME_WIDTH = 8, 15
# However narrow a terminal is, its lines hold this many letters.
FEWEST_COLUMNS = 30


def find_worst(checks: Iterable[Check]) -> Severity:
    """Return the worst severity of the checks."""
    return max((check.severity for check in checks), key=SEVERITIES.index, default="ok")


def format_json(checks: Sequence[Check]) -> str:
    """Return the checks as one JSON object, described in docs/cli.md. Its keys don't change."""
    found = [
        {"name": check.name, "verdict": check.severity, "found": check.found, "cure": check.cure}
        for check in checks
    ]
    return json.dumps({"checks": found, "verdict": find_worst(checks)}, indent=2)


def print_checks(console: Console, settings: LoaderSettings, checks: Iterable[Check]) -> list[Check]:
    """Print each check as soon as it is made, then how many ask for something. Return the checks."""
    _print_wrapped(console, _describe_settings(settings))
    made = []
    for check in checks:
        print_check(console, check)
        made.append(check)
    _print_wrapped(console, _describe_result(made))
    return made


def print_check(console: Console, check: Check) -> None:
    """Print a check in one line and its cure in another. A terminal gets them wrapped at words."""
    head = Text(f"{check.severity:<{SEVERITY_WIDTH}}", style=STYLES[check.severity])
    head.append(f"{check.name:<{NAME_WIDTH}}", style=PLAIN)
    indent = " " * len(head)
    first, *others = _wrap(console, check.found, len(indent))
    # Text, not markup: names and errors from outside may look like markup.
    console.print(head.append(first, style=PLAIN), soft_wrap=True)
    for line in others:
        console.print(Text(indent + line), soft_wrap=True)
    for number, line in enumerate(_wrap(console, check.cure or "", len(indent) + 3)):
        console.print(Text(f"{indent}{'-> ' if number == 0 else '   '}{line}"), soft_wrap=True)


def _describe_settings(settings: LoaderSettings) -> str:
    if not settings.num_workers:
        return f"Without workers, for batches of {settings.batch_size}:"
    return (
        f"For {format_count(settings.num_workers, 'worker')}, batches of {settings.batch_size} "
        f"and a prefetch factor of {settings.prefetch_factor}:"
    )


def _describe_result(checks: Iterable[Check]) -> str:
    severities = [check.severity for check in checks]
    failed = severities.count("fail")
    counts = (
        f"{failed} failed, {format_count(severities.count('warn'), 'warning')}, {len(severities)} in all."
    )
    return counts if failed else f"{counts} Nothing stands in the way of measuring."


def _print_wrapped(console: Console, text: str) -> None:
    for line in _wrap(console, text, 0):
        console.print(Text(line), soft_wrap=True)


def _wrap(console: Console, text: str, indent: int) -> list[str]:
    # In a pipe a line stays whole, for programs that search it.
    if not console.is_terminal:
        return [text] if text else []
    return textwrap.wrap(text, max(FEWEST_COLUMNS, console.width - indent), break_on_hyphens=False)
