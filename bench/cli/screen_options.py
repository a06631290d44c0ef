"""The options of how much a command prints, alike in all commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from bench.plan.screen import Screen

# Names of the values of these options.
SCREEN = ("as_json", "quiet")


def screen_options(noun: str) -> list[click.Option]:
    """Return the options of how much is printed.

    Args:
        noun: what the command prints at its end, as `the answer`.
    """
    return [
        click.Option(["--json", "as_json"], is_flag=True, help=f"Print {noun} as one JSON object."),
        quiet_option(noun),
    ]


def quiet_option(noun: str) -> click.Option:
    """Return the option of a command that prints its answer and nothing else.

    Args:
        noun: the answer, as `the comparison`.
    """
    return click.Option(["--quiet"], is_flag=True, help=f"Print {noun}, and nothing else.")


def make_screen(values: Mapping[str, Any]) -> Screen:
    """Return how much is printed, from the values of a command's options."""
    return Screen(as_json=values["as_json"], quiet=values["quiet"])
