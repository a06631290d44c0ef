"""UserPath: a path on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class UserPath(click.Path):
    """Type of an option that takes a path: `~` at its start becomes the home folder.

    A shell expands `~` only where a word begins with it, and a notebook or a list of arguments never does.
    """

    def __init__(self, *, dir_okay: bool = True) -> None:
        """Make the type.

        Args:
            dir_okay: whether the path may be that of a folder which exists.
        """
        super().__init__(path_type=Path, dir_okay=dir_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path with `~` and `~user` expanded.

        Raises:
            click.UsageError: the home folder is not known.
        """
        text = os.path.expanduser(os.fspath(value))  # noqa: PTH111 - Path's own raises RuntimeError
        if text.startswith("~"):
            option = f"{param.opts[0]}: " if param is not None else ""
            raise click.UsageError(
                f"{option}the home folder of {text!r} is not known; give the whole path, or ./{text} for "
                "a folder of that name"
            )
        return super().convert(text, param, ctx)
