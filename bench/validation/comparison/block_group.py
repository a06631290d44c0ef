"""BlockGroup: the common blocks of one comparison, and the versions that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Functions of compared.py. Both kinds of loader have the same share of the comparisons.
LOADERS = ("computing", "waiting")
# Slow-downs that are planted, as shares of a sample's time.
PLANTED = (0.05, 0.1)
# The number of comparisons of the same code must be a multiple of this, so that both kinds have their share.
STEP_OF_RUNS = 4
# The comparisons of a kind that has planted slow-downs: the first of eight, and the sixth.
WITH_PLANTED = (0, 5)


@dataclass(frozen=True)
class Version:
    """One side of a comparison.

    Attributes:
        name: its name, and that of its results folder.
        slowdown: planted slow-down, as a share of a sample's time; 0 for none.
    """

    name: str
    slowdown: float = 0.0


OLD, AGAIN = Version("old"), Version("again")
SLOWER = tuple(Version(f"slower-{slowdown:.0%}".rstrip("%"), slowdown) for slowdown in PLANTED)


@dataclass(frozen=True)
class BlockGroup:
    """The common blocks of one comparison.

    Attributes:
        number: place of the group among all, from 0.
        loader: which loader is measured.
        versions: content of each block: the old version, the same once more, and perhaps slower ones.
    """

    number: int
    loader: str
    versions: tuple[Version, ...]

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.number + 1:03}-{self.loader}"


def make_groups(runs: int) -> list[BlockGroup]:
    """Return the groups of blocks of a number of comparisons of the same code.

    The kinds of loader take turns. A quarter of the groups holds the slower versions too.

    Args:
        runs: number of comparisons, a multiple of STEP_OF_RUNS.
    """
    return [
        BlockGroup(
            number,
            LOADERS[number % len(LOADERS)],
            (OLD, AGAIN, *(SLOWER if number % (2 * STEP_OF_RUNS) in WITH_PLANTED else ())),
        )
        for number in range(runs)
    ]


def find_partner(groups: Sequence[BlockGroup], group: BlockGroup) -> BlockGroup:
    """Return the group whose old version a group is compared with where two folders are compared.

    It was measured at another time, half of all groups away, and holds the same loader. Each group is the
    partner of one other, so no trial takes part in two comparisons of the same kind.
    """
    return groups[(group.number + len(groups) // 2) % len(groups)]
