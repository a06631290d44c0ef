"""Places of a target and of its files in a repository, as each of its checkouts has them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.plan.sweep_options import SweepOptions
from bench.workloads.revision.repository import Repository, RevisionError
from bench.workloads.script.script_file import is_script


def use_relative_paths(order: SweepOptions, repository: Repository) -> SweepOptions:
    """Return an order whose target and steps are named from the current folder, so that a checkout has them.

    Args:
        order: order with a target.
        repository: repository that the target lies in.

    Raises:
        RevisionError: a file lies outside the repository.
    """
    target = _make_relative(str(order.target), repository)
    steps = tuple(_make_relative(step, repository) for step in order.request.step)
    return replace(order, target=target, request=replace(order.request, step=steps))


def find_in_tree(paths: Iterable[Path], repository: Repository) -> list[Path]:
    """Return paths of the working tree relative to its root.

    Args:
        paths: paths, relative to the current folder or absolute.
        repository: the repository.

    Raises:
        RevisionError: one isn't there, or lies outside the repository.
    """
    found = []
    for path in paths:
        inside = _find_in_tree(path, repository, f"--link: {path}")
        if not (repository.root / inside).exists():
            raise RevisionError(
                f"--link: {path} is not there, expected a file or folder of {repository.root}"
            )
        found.append(inside)
    return found


def _make_relative(text: str, repository: Repository) -> str:
    """Return a target with its file relative to the current folder; anything else as it is."""
    place, colon, name = (text, "", "") if is_script(text) else text.rpartition(":")
    if not place.endswith(".py"):
        return text
    path = Path(place).expanduser()
    inside = _find_in_tree(path, repository, text) if path.is_absolute() or ".." in path.parts else None
    relative = place if inside is None else os.path.relpath(inside, repository.start)
    return f"{relative}{colon}{name}"


def _find_in_tree(path: Path, repository: Repository, what: str) -> Path:
    # Only the folder is resolved: a link lies in the folder that it was put into.
    path = repository.root / repository.start / path.expanduser()
    place = Path(os.path.realpath(path.parent)) / path.name
    if not place.is_relative_to(repository.root):
        raise RevisionError(f"{what} lies outside the repository {repository.root}, which is compared")
    return place.relative_to(repository.root)
