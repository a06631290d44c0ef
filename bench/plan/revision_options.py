"""RevisionOptions: the order that compares two commits of a user's repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.plan.sweep_options import SweepOptions

# Ten pairs tell a difference of 3% where two runs of the same code differ by some 4%.
BLOCKS = 10
# Folder names of the two sides below the results folder.
SIDES = ("old", "new")


@dataclass(frozen=True)
class RevisionOptions:
    """The order that compares two commits of a user's repository.

    Attributes:
        order: what is measured of each commit, and where the results go.
        revisions: the old commit and the new one, as git knows them.
        links: files and folders of the working tree that both need and no commit holds. They are relative to
            the current folder or absolute. What git ignores needs no mention.
    """

    order: SweepOptions
    revisions: tuple[str, str]
    links: tuple[Path, ...] = ()
