"""Files of the regrets: every tuning beside its judgement, and the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from bench.analysis.throughputs import Throughputs
from bench.records import results_folder
from bench.text import format_duration
from bench.validation.tuning.seed_tuning import (
    OF_TEN,
    REGRET,
    TIME_SHARE,
    SeedRegret,
    SeedTuning,
    count_close,
    find_regret,
    judge_tuning,
    passes,
)

REGRETS, TABLE = "regret.csv", "table.md"
TITLES = ("seed", "answer", "time", "of grid", "regret", "by halves", "leader", "setting")
# Columns of text; the others are numbers.
TEXTS = ("answer", "setting")
AIM = f"at most {TIME_SHARE:.0%} of the time of the whole grid and a regret under {REGRET:.0%}"


@dataclass(frozen=True)
class RegretTable:
    """The tunings, and what was measured of the whole grid.

    Attributes:
        tunings: the tunings, by their seeds.
        speeds: samples per second of each block of the grid, by configuration.
        names: names of the grid's configurations; the present one comes first.
        blocks: number of whole blocks of the grid.
        grid_s: seconds that they took.
    """

    tunings: tuple[SeedTuning, ...]
    speeds: Throughputs
    names: tuple[str, ...]
    blocks: int
    grid_s: float

    @property
    def judged(self) -> list[SeedRegret]:
        """Judgement of each tuning."""
        return [judge_tuning(one, self.speeds, self.grid_s) for one in self.tunings]

    @property
    def passes(self) -> bool:
        """True if enough tunings are right."""
        return passes(self.judged)

    def make_lines(self) -> list[list[str]]:
        """Return the cells of each tuning, as TITLES names them."""
        return [
            [
                str(one.seed),
                one.verdict,
                f"{one.seconds:.0f} s",
                *map(
                    _format_share,
                    (found.time_share, found.regret, found.split_regret, found.leader_regret),
                ),
                one.chosen,
            ]
            for one, found in zip(self.tunings, self.judged, strict=True)
        ]

    def describe(self) -> list[str]:
        """Return the sentences that explain the table, the conclusion last."""
        judged = self.judged
        right = sum(one.is_right for one in judged)
        halves = sum(one.split_regret is not None and one.split_regret < REGRET for one in judged)
        return [
            *self._describe_grid(),
            "regret: by how much the highest median of the grid exceeds that of the setting. It is too "
            "large, since noise inflates the highest of many medians.",
            "by halves: half of the blocks tell the fastest setting, and the other half judges it. It is too "
            f"small where the half misses the fastest. It is under {REGRET:.0%} in {halves} of "
            f"{len(judged)}.",
            "leader: regret of the leader of the race, which is not chosen where its gain can't be shown.",
            f"{right} of {len(judged)} tunings took {AIM}. Aim: {OF_TEN} of 10.",
        ]

    def _describe_grid(self) -> list[str]:
        if not self.speeds:
            return ["whole grid: nothing was measured of it."]
        regrets = {number: find_regret(self.speeds, number) or 0.0 for number in self.speeds}
        best = min(regrets, key=regrets.__getitem__)
        present = f" The present setting has a regret of {regrets[0]:,.1%}." if 0 in regrets else ""
        return [
            f"whole grid: {len(self.speeds):,} of {len(self.names):,} settings in {self.blocks} blocks, "
            f"{format_duration(self.grid_s)}. The fastest: {self.names[best]}. "
            f"{count_close(self.speeds):,} have a regret under {REGRET:.0%}.{present}"
        ]


def write_regrets(folder: Path, table: RegretTable) -> None:
    """Write every tuning beside its judgement, and the table for people.

    Args:
        folder: folder of the results.
        table: what was measured so far.

    Raises:
        StorageError: a file can't be written.
    """
    if not table.tunings:
        return
    rows = [
        {**asdict(one), **asdict(found), "is_right": found.is_right}
        for one, found in zip(table.tunings, table.judged, strict=True)
    ]
    results_folder.write_csv(folder / REGRETS, pd.DataFrame(rows))
    rule = "|".join(" --- " if title in TEXTS else " ---: " for title in TITLES)
    lines = [
        "# Regret of tunings against the whole grid",
        "",
        f"| {' | '.join(TITLES)} |",
        f"|{rule}|",
        *(f"| {' | '.join(cells)} |" for cells in table.make_lines()),
        "",
        *(f"- {line}" for line in table.describe()),
        "",
    ]
    results_folder.write_text(folder / TABLE, "\n".join(lines))


def _format_share(share: float | None) -> str:
    return "?" if share is None else f"{share:,.1%}"
