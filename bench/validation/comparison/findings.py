"""Finding: what one comparison says of two versions whose true difference is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.analysis.comparison.compare_folders import compare_folders
from bench.analysis.comparison.comparison import ComparedConfiguration, Judgement
from bench.process.errors import ExplainedError
from bench.validation.comparison.block_group import OLD, BlockGroup

# Whether the sides were measured in common blocks, or one folder after the other.
Design = Literal["common blocks", "two folders"]
DESIGNS: tuple[Design, ...] = ("common blocks", "two folders")


class ComparisonError(ExplainedError):
    """A comparison that says nothing, in one line."""


@dataclass(frozen=True)
class Finding:
    """Judgement of one comparison of two versions whose true difference is known.

    Attributes:
        group: number of the blocks, from 1.
        loader: which loader was measured.
        design: how the sides were measured.
        planted: planted slow-down of the second side, as a share of a sample's time.
        judgement: what the comparison says.
        ratio: second side over the first one; None where it has none.
        low: lower end of its interval.
        high: upper end of its interval.
    """

    group: int
    loader: str
    design: Design
    planted: float
    judgement: Judgement
    ratio: float | None
    low: float | None
    high: float | None


def compare_group(group: BlockGroup, root: Path, partner: BlockGroup | None = None) -> Iterator[Finding]:
    """Compare the versions of a group with the old one, and yield what each comparison says.

    Args:
        group: the group.
        root: folder that holds the folders of all groups.
        partner: group whose old version is taken, for a comparison of two folders; default None compares with
            the group's own, in common blocks.

    Raises:
        ComparisonError: a comparison says nothing.
    """
    old = root / (partner or group).name / OLD.name
    for version in group.versions[1:]:
        found = _compare(old, root / group.name / version.name)
        ratio = found.ratio
        yield Finding(
            group.number + 1,
            group.loader,
            "common blocks" if partner is None else "two folders",
            version.slowdown,
            found.judgement,
            None if ratio is None else ratio.median,
            None if ratio is None else ratio.low,
            None if ratio is None else ratio.high,
        )


def _compare(old: Path, new: Path) -> ComparedConfiguration:
    comparison = compare_folders(old, new)
    if comparison.obstacles or len(comparison.configurations) != 1:
        reasons = [*comparison.obstacles, f"{len(comparison.configurations)} configurations"]
        raise ComparisonError(f"{old.parent.name}: {old.name} and {new.name} aren't compared: {reasons[0]}")
    return comparison.configurations[0]
