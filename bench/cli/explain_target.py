"""The TARGET of an explanation: a user's own, a family of Fashion-MNIST, or the results folder of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.recorded_baseline import restore_baseline
from bench.workloads.script.script_file import is_script
from bench.workloads.target.target import FORMS, suggest_target
from loaders.registry import families, own_families


def read_target(context: click.Context, values: dict[str, Any]) -> tuple[dict[str, Any], Path | None]:
    """Return the values that say what is measured, whatever the TARGET is.

    Args:
        context: context of the command.
        values: values of its options.

    Returns:
        The values, and the results folder that is measured again; None where the TARGET is no such folder.

    Raises:
        click.UsageError: there is no such TARGET.
        ResultsError: the results folder can't be measured again.
    """
    text: str | None = values["target"]
    folder = None if text is None or text in families() else Path(text).expanduser()
    if folder is not None and folder.is_dir():
        return restore_baseline(context, values, folder), folder
    return read_loader_target(values, ", or the results folder of a sweep"), None


def read_loader_target(values: dict[str, Any], others: str = "") -> dict[str, Any]:
    """Return the values that say what is measured, where the TARGET may be a loader family.

    Args:
        values: values of a command's options.
        others: what else the command takes, for an error; default nothing.

    Raises:
        click.UsageError: there is no such TARGET.
    """
    text: str | None = values["target"]
    if text is None:
        return values
    if text in families():
        if values["family"] is not None:
            raise click.UsageError(f"--family: TARGET names the family {text} already")
        return {**values, "target": None, "family": (text,)}
    if text in own_families():
        raise click.UsageError(
            f"{text!r} loads data of your own: name them first, as in FILE.py:NAME --family {text}"
        )
    if ":" in text or is_script(text):
        return values
    meant = suggest_target(text, Path.cwd(), {name: name for name in families()})
    raise click.UsageError(
        f"{text!r} is no target, expected {FORMS}, a script FILE.py or package.module, a loader family "
        f"({', '.join(families())}){others}{meant}"
    )
