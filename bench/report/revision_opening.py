"""The first lines of a comparison of two commits, and what its user must know of the working tree."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.revision_options import SIDES
from bench.report.console import print_line
from bench.text import format_count, join_few
from bench.workloads.revision.checkout import Checkout
from bench.workloads.revision.repository import Repository


def find_revision_notices(repository: Repository, checkouts: Sequence[Checkout]) -> list[str]:
    """Return what a user must know of the working tree: the parts not measured, and those that both read.

    Args:
        repository: the user's repository.
        checkouts: the commits.
    """
    notices = []
    if changed := repository.list_uncommitted():
        notices.append(
            f"Uncommitted changes of {join_few(changed)} aren't measured. "
            "--revisions HEAD $(git stash create) measures them beside the last commit, and changes nothing."
        )
    linked = dict.fromkeys(repository.name(path) for checkout in checkouts for path in checkout.linked)
    new = [name for name in repository.list_untracked() if name not in linked]
    if new:
        notices.append(
            f"New files that no commit holds aren't there: {join_few(new)}. --link PATH links what both "
            "commits need of them."
        )
    if linked:
        notices.append(
            f"Both commits read the same {join_few(linked)}, in your working tree. Git ignores it, or --link "
            "names it."
        )
    return notices


def print_revisions(console: Console, checkouts: Sequence[Checkout], sweep: PreparedSweep) -> None:
    """Print which commits are compared, and how often they are measured.

    Args:
        console: console to print to.
        checkouts: the commits, the old one first.
        sweep: what is measured of the old one.
    """
    width = max(len(str(checkout.revision)) for checkout in checkouts)
    for name, checkout in zip(SIDES, checkouts, strict=True):
        revision = checkout.revision
        print_line(console, f"{name}: {escape(f'{revision!s:<{width}}  {revision.subject}')}")
    configurations = format_count(len(sweep.runs), "configuration")
    blocks = format_count(sweep.options.schedule.blocks, "block")
    print_line(console, f"{configurations} of each × {blocks} that hold both, in shuffled order")
